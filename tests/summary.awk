# summary.awk - ctest's JUnit file in short: counts, the ten slowest, what was skipped and why.
# A skipped test is never counted as passed.
#   awk -f tests/summary.awk build/test-results.xml
function attribute(name, text) {
  if (!match(text, "[ ]" name "=\"[^\"]*\"")) return ""
  text = substr(text, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
  gsub(/&quot;/, "\"", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text)
  return text
}
/<testcase / {
  name = attribute("name", $0)
  status = attribute("status", $0)
  seconds[name] = attribute("time", $0) + 0
  reason = ""
  wanted = 0
  ++total
  if (status == "run") ++passed
  else if (status == "fail") failures[++failed] = name
  else ++skipped
}
# GoogleTest: "file:line: Skipped", then the reason on the next line. Scripts: "SKIPPED: reason".
wanted && reason == "" && NF { reason = $0; wanted = 0 }
/: Skipped$/ { wanted = 1 }
/SKIPPED: / && reason == "" { reason = substr($0, index($0, "SKIPPED: ") + 9) }
/<\/testcase>/ && status != "run" && status != "fail" {
  gsub(/&quot;/, "\"", reason); gsub(/&lt;/, "<", reason); gsub(/&gt;/, ">", reason)
  ++reasons[reason == "" ? "no reason given: " name : reason]
}
END {
  if (!total) exit
  printf "\ntests    %d: %d passed, %d failed, %d skipped\n", total, passed, failed, skipped
  printf "slowest"
  for (i = 1; i <= 10; ++i) {
    slowest = ""
    for (name in seconds) if (slowest == "" || seconds[name] > seconds[slowest]) slowest = name
    if (slowest == "") break
    printf "%s%7.2f s  %s\n", i == 1 ? "  " : "         ", seconds[slowest], slowest
    delete seconds[slowest]
  }
  if (skipped) {
    printf "skipped"
    first = 1
    for (reason in reasons) {
      printf "%s%7d  %s\n", first ? "  " : "         ", reasons[reason], reason
      first = 0
    }
  }
  for (i = 1; i <= failed; ++i) printf "FAILED   %s\n", failures[i]
}
