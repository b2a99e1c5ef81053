#!/usr/bin/env bash
# tables.sh [FOLDER] - the tables of README's "On a GPU", made of the newest CARD-DATE/time.json and
# compare.json below FOLDER (docs/benchmarks by default), as `./dev bench-gpu` writes them. A figure
# that is not in them is `not measured`. The rows that were timed are `unchecked`: check.json, made
# just before, holds the check of the same variants. `./dev tables` puts them into README.
set -euo pipefail
folder=${1:-$(dirname "${BASH_SOURCE[0]}")}
newest=
for f in "$folder"/*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]/; do
  [ -e "$f/time.json" ] || [ -e "$f/compare.json" ] || continue
  f=${f%/}
  [[ -z $newest || ${f: -10} > ${newest: -10} ]] && newest=$f
done
files=()
for f in time.json compare.json; do
  [ -z "$newest" ] || [ ! -e "$newest/$f" ] || files+=("$newest/$f")
done
# The files hold one "name": value a line (fovea's own indentation).
exec awk -v newest="$(basename "$newest")" '
function value(s) { sub(/^[^:]*: /, "", s); sub(/,$/, "", s); gsub(/^"|"$/, "", s); return s }
FNR == 1 { is_time = FILENAME ~ /time\.json$/; net = name = engine = status = math = "" }
{ key = $1; gsub(/[":]/, "", key) }
key == "device" && card == "" { card = value($0) }
key == "driver" && driver == "" { driver = value($0) }
key == "math" { math = value($0) }
is_time && key == "recipe" { net = value($0) }
is_time && key == "batch" { batch = value($0) }
is_time && key == "engines" { engine = value($0) }
is_time && key == "replayed_ns" { ns = value($0) }
is_time && key == "images_per_second" { rate = value($0) }
is_time && key == "peak_bytes" && (engine == "fovea" || engine == "") {
  step = net " " math " " batch
  ms[step] = sprintf("%.2f", ns / 1e6); speed[step] = thousands(rate); peak[step] = thousands(value($0) / 1048576)
}
!is_time && key == "name" { name = value($0) }
!is_time && key == "pass" { pass = value($0) }
!is_time && key == "engine" { engine = value($0) }
!is_time && key == "status" { status = value($0) }
!is_time && key == "median_us" && (status == "ok" || status == "unchecked") && name ~ /\/conv[0-9]+$/ && value($0) != "null" {
  row = name " " pass " " math " " engine; us = value($0) + 0
  if (!(row in best) || us < best[row]) best[row] = us
}
function thousands(v,   s, out) {
  s = sprintf("%d", v + 0.5)
  while (length(s) > 3) { out = "," substr(s, length(s) - 2) out; s = substr(s, 1, length(s) - 3) }
  return s out
}
function cell(v) { return v == "" ? " " : " " v " " }
function or_not(v) { return v == "" ? "not measured" : v }
# Times of cuDNN over those of fovea, summed over convolutions first .. last and their passes; of the
# first convolution nobody asks the gradient of the input.
function speedup(net, math, first, last,   i, p, passes, count, ours, theirs, row) {
  count = split(last == 1 ? "forward wgrad" : "forward dgrad wgrad", passes, " ")
  for (i = first; i <= last; ++i) for (p = 1; p <= count; ++p) {
    row = net "/conv" i " " passes[p] " " math " "
    if (!((row "fovea") in best) || !((row "cudnn") in best)) return ""
    ours += best[row "fovea"]; theirs += best[row "cudnn"]
  }
  return sprintf("%.2f", theirs / ours)
}
function step_line(title, net, math, batch, pytorch, target,   s) {
  s = net " " math " " batch
  printf "|%s| %s | %s | %s | %s | %s | %s |\n", cell(title), math, batch, pytorch, target, or_not(ms[s]), or_not(speed[s])
}
function peak_line(title, net, math, batch, pytorch) {
  printf "|%s| %s | %s | %s | %s |\n", cell(title), math, batch, pytorch, or_not(peak[net " " math " " batch])
}
function conv_line(title, net, math, target, first, last) {
  printf "|%s| %s | %s | %s |\n", cell(title), math, target, or_not(speedup(net, math, first, last))
}
END {
  a = "alexnet-2012"; t = "alexnet-torchvision"; A = "AlexNet 2012"; T = "AlexNet, torchvision\047s"
  if (newest == "") print "Nothing has been measured on a card yet; `./dev bench-gpu` does it.\n"
  else printf "Measured on one %s, driver %s: [docs/benchmarks/%s](docs/benchmarks/%s).\n\n", card, driver, newest, newest
  print "A training step (forward, loss, backward, update):\n"
  print "| net | math | batch | PyTorch images/s | our target ms | fovea ms | fovea images/s |"
  print "|---|---|--:|--:|--:|---|---|"
  step_line(A, a, "fp32", 128, "6,445", "12.0"); step_line("", a, "tf32", 128, "12,782", "3.6")
  step_line("", a, "bf16", 128, "17,625", "2.2"); step_line("", a, "bf16", 1024, "20,787", "11.0")
  step_line(T, t, "fp32", 128, "11,020", "9.5"); step_line("", t, "tf32", 128, "23,283", "3.5")
  step_line("", t, "bf16", 128, "32,545", "2.0"); step_line("", t, "bf16", 1024, "48,822", "10.0")
  print "\nPeak memory of that step:\n"
  print "| net | math | batch | PyTorch MiB | fovea MiB |"
  print "|---|---|--:|--:|---|"
  peak_line(A, a, "fp32", 128, "2,023"); peak_line("", a, "bf16", 128, "1,411"); peak_line("", a, "bf16", 1024, "7,767")
  peak_line(T, t, "bf16", 128, "887"); peak_line("", t, "bf16", 1024, "2,909")
  print "\nConvolutions at batch 128, all passes summed over a net without its first layer, as times cuDNN\047s speed,\nof each engine the faster of the two variants that it names first, checked at batch 1 before:\n"
  print "| net | math | our target | fovea |"
  print "|---|---|--:|---|"
  conv_line(A, a, "fp32", "1.2", 2, 5); conv_line("", a, "tf32", "1.6", 2, 5); conv_line("", a, "bf16", "1.5", 2, 5)
  conv_line(T, t, "tf32", "1.3", 2, 5); conv_line("", t, "bf16", "1.0", 2, 5)
  conv_line("first convolution of AlexNet 2012 alone", a, "tf32", "6", 1, 1); conv_line("", a, "bf16", "8", 1, 1)
}' ${files[@]+"${files[@]}"} </dev/null
