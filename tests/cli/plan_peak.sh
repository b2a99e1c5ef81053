#!/bin/bash
# plan_peak.sh FOVEA - the peak that `fovea plan` predicts is the one that training reaches: within
# a tenth and 64 MiB.
set -eu
fovea=$(realpath "$1")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
idx_set data 240 24
# Large enough that activations and parameters outweigh the program itself.
tiny_recipe net.toml
sed -i 's/height = 8/height = 48/; s/width = 8/width = 48/; s/filters = 4/filters = 32/' net.toml
options=(--config net.toml --data data --batch 120 --device cpu)

predicted=$("$fovea" plan "${options[@]}" --json - | sed -nE 's/.*"process_peak_bytes": ([0-9]+).*/\1/p')
line=$("$fovea" train "${options[@]}" --epochs 1 --out run --quiet | grep -o 'peak memory [0-9.]* [MG]iB')
reached=$(awk '{ print $3 * ($4 == "GiB" ? 1024 : 1) * 1048576 }' <<< "$line")
awk -v p="$predicted" -v r="$reached" 'BEGIN {
  printf "predicted %.0f MiB, reached %.0f MiB\n", p / 1048576, r / 1048576
  d = p > r ? p - r : r - p
  exit !(r > 0 && d <= 0.1 * r + 64 * 1048576) }'
