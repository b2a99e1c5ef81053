#!/bin/bash
# help_examples.sh FOVEA DATA - every subcommand's --help ends with an example, and that runs.
set -u
fovea_binary=$(realpath "$1") data=$2
source "$(dirname "$(realpath "$0")")/fixtures.sh"
[[ -d $data ]] || { echo "SKIPPED: $data is not here"; exit 77; }
enter_scratch
fovea() { "$fovea_binary" "$@"; }
fovea train --preset lenet --data "$data" --limit 128 --epochs 1 --out runs/lenet-1 --quiet > out.txt || exit 1
png picture.png 1 1
commands=$(fovea --help | sed -n '/^Subcommands:/,$p' | awk 'NR > 1 && /^  [a-z]/ { print $1 }')
count=0
for command in $commands; do
  example=$(fovea "$command" --help | sed -n '/^Example:/{n;p}')
  [[ $example == "  fovea $command"* ]] || { echo "FAILED: fovea $command --help has no example"; failed=1; continue; }
  [[ $command == train ]] && example+=" --limit 128 --epochs 1"
  timeout 200 bash -c "fovea() { '$fovea_binary' \"\$@\"; }; $example" > out.txt 2>&1
  expect_status "$example" 0 $?
  count=$((count + 1))
done
echo "$count examples"
[[ $failed == 0 && $count -ge 8 ]]
