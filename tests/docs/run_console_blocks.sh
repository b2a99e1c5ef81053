#!/usr/bin/env bash
# run_console_blocks.sh DOCUMENT SOURCE BUILD WORK - runs the ```console blocks of a document, in
# order, in the fresh folder WORK, which looks like a clone that was built (links to SOURCE, BUILD).
#   ```console        lines that begin with "$ " run, one bash a line; each must end with status 0
#   ```console gpu    the same where a GPU is visible, else skipped
# Other lines are output as shown: numbers differ from machine to machine, but the first word of
# each, if it is lower-case letters, must also begin a line of what was printed.
# What takes minutes runs in short: training gets --limit and --epochs 1 unless the document gives
# them, ./dev test lists the tests that it would run (it runs this one).
set -uo pipefail
document=$1 source=$2 build=$3 work=$4

rm -rf "$work"
mkdir -p "$work"
for entry in "$source"/*; do ln -s "$entry" "$work/"; done
rm -f "$work/build" "$work/runs"
ln -s "$build" "$work/build"
cd "$work" || exit 1

failed=0 ran=0 skipped=0 output="" in_block=no

shorten() {  # the command as it is run
  local command=$1
  case $command in
    *"fovea train"* | *"./dev train"*)
      [[ $command == *--resume* || $command == *--limit* ]] || command+=" --limit 256"
      [[ $command == *--epochs* ]] || command+=" --epochs 1" ;;
    "./dev test"*) command+=" -N" ;;
  esac
  printf '%s' "$command"
}
run() {
  local command status
  command=$(shorten "$1")
  output=$(timeout 300 bash -c "$command" 2>&1 </dev/null)
  status=$?
  ran=$((ran + 1))
  if [ "$status" -ne 0 ]; then
    failed=$((failed + 1))
    printf '%s: $ %s\nended with status %d:\n%s\n' "$document" "$command" "$status" "$output"
  fi
}
compare() {  # one line shown
  local word
  word=$(awk '{print $1}' <<<"$1")
  [[ $word =~ ^[a-z]{2,}$ ]] || return 0
  if ! awk -v word="$word" '$1 == word {found = 1} END {exit !found}' <<<"$output"; then
    failed=$((failed + 1))
    printf '%s: shows a line "%s ...", which is not among what was printed:\n%s\n' "$document" "$word" "$output"
  fi
}

while IFS= read -r line <&3 || [ -n "$line" ]; do
  case $in_block in
    no)
      [[ $line == '```console'* ]] || continue
      in_block=yes
      if [[ $line == *gpu* ]] && ! nvidia-smi -L 2>/dev/null | grep -q '^GPU 0'; then
        in_block=skip skipped=$((skipped + 1))
      fi ;;
    *)
      if [[ $line == '```' ]]; then in_block=no
      elif [ "$in_block" = skip ]; then continue
      elif [[ $line == '$ '* ]]; then run "${line#\$ }"
      else compare "$line"; fi ;;
  esac
done 3<"$document"

[ "$in_block" = no ] || { echo "$document: its last block is not closed"; failed=$((failed + 1)); }
echo "$document: $ran commands ran, $failed wrong, $skipped blocks want a GPU"
[ "$failed" -eq 0 ] || exit 1
[ "$ran" -gt 0 ] || [ "$skipped" -eq 0 ] || echo "SKIPPED: its blocks want a GPU"
