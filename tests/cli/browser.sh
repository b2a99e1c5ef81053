#!/bin/bash
# browser.sh FOVEA - compare.html in a browser without a screen: every row is there, nothing is
# requested, nothing is said on the console; at 390 and 1,440 px, light and dark, the page does not
# scroll sideways and no text is below 14 px.
set -u
fovea=$(realpath "$1")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
  { echo 'SKIPPED: no chromium here (apt-get install chromium)'; exit 77; }
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
export HOME=$work
# page DARK HARNESS: the page's document after its scripts, in dom.txt; console lines in log.txt.
page() {
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --allow-file-access-from-files \
    --user-data-dir="$work/profile" --enable-logging=stderr --virtual-time-budget=20000 \
    --blink-settings=preferredColorScheme="$1" --dump-dom "file://$work/$2" > dom.txt 2> log.txt
}
echo '<p id="answer">here</p>' > start.html
page 1 start.html
grep -q here dom.txt || { echo "SKIPPED: $browser does not start: $(tail -n 1 log.txt)"; exit 77; }

"$fovea" compare --device emulated --problem n1c4h9k8r3ph1g2+bias+relu+mask+db \
  --problem maxpool:n1c4h9r3u2 --out . --quiet > out.txt || exit 1
rows=$(tail -n 1 out.txt | sed -E 's/^rows ([0-9]+):.*/\1/')
cat > look.html <<'HTML'
<iframe src="compare.html" width="390" height="844"></iframe>
<iframe src="compare.html" width="1440" height="900"></iframe>
<pre id="answer"></pre>
<script>
onload = () => {
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument, root = page.documentElement;
    let smallest = Infinity;
    const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const parent = texts.currentNode.parentElement;
      if (!texts.currentNode.textContent.trim() || parent.closest('title')) continue;
      const scale = parent.closest('svg') ? parent.getScreenCTM().a : 1;
      smallest = Math.min(smallest, scale * parseFloat(frame.contentWindow.getComputedStyle(parent).fontSize));
    }
    const asks = page.querySelectorAll('[src], [href]:not([href^="data:"], [href^="#"])').length +
      frame.contentWindow.performance.getEntriesByType('resource').length;
    document.getElementById('answer').textContent += `${frame.width} px: ` +
      `${root.scrollWidth > root.clientWidth ? 'scrolls sideways' : 'fits'}, ` +
      `text ${smallest >= 14 ? 'large enough' : smallest + ' px'}, ` +
      `${page.querySelectorAll('tbody tr').length} rows, ${page.querySelectorAll('.bar').length} bars, ` +
      `${asks} requests, ` +
      `dark ${frame.contentWindow.matchMedia('(prefers-color-scheme: dark)').matches}\n`;
  }
};
</script>
HTML
for dark in true false; do
  page "$([[ $dark == true ]] && echo 0 || echo 1)" look.html
  for width in 390 1440; do
    expect "compare.html" dom.txt \
      "$width px: fits, text large enough, $rows rows, [1-9][0-9]* bars, 0 requests, dark $dark"
  done
  grep CONSOLE log.txt && { echo 'FAILED: the console is not silent'; failed=1; }
done
exit $failed
