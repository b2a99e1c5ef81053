#!/bin/bash
# kill_resume.sh FOVEA - a run killed without warning, again and again, ends as the run that was not.
set -eu
fovea=$(realpath "$1")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
idx_set data 240 24
tiny_recipe tiny.toml
start=(train --config tiny.toml --data data --epochs 40 --quiet)

"$fovea" "${start[@]}" --out whole > /dev/null
"$fovea" "${start[@]}" --out killed > /dev/null &  # no function: $! is the command itself
for _ in 1 2 3; do
  pid=$!
  # Not before there is something to go on from, else this kill would test nothing.
  for ((i = 0; i < 3000; ++i)); do  # a minute: machines are busy
    compgen -G 'killed/checkpoints/step-*.safetensors' > /dev/null && break
    sleep 0.02
  done
  kill -9 "$pid" 2> /dev/null || true  # it may be done already
  wait "$pid" 2> /dev/null || true
  : > killed/checkpoints/step-000000001.safetensors.tmp-1-0  # as a kill in the middle leaves it
  "$fovea" train --resume killed --quiet > /dev/null &
done
wait $!
cmp whole/model.safetensors killed/model.safetensors
without_times() { sed -E 's/"(images_per_second|seconds|run_seconds)":[^,}]*//g' "$1"; }
cmp <(without_times whole/metrics.jsonl) <(without_times killed/metrics.jsonl)
if compgen -G 'killed/checkpoints/*.tmp-*'; then echo "half-written files are left" && exit 1; fi
