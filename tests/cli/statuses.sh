#!/bin/bash
# statuses.sh FOVEA - the exit statuses of a run: 3 for lost numerics and flat loss, 130 and 143 for
# signals, after which the last line printed goes on to the run that was not stopped.
set -u
fovea=$(realpath "$1")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
idx_set data 240 24
tiny_recipe tiny.toml
start=(train --config tiny.toml --data data --quiet)

"$fovea" "${start[@]}" --out nan --lr 1e30 > out.txt 2> err.txt
expect_status 'a learning rate that loses all numbers' 3 $?
expect 'lost numbers' err.txt '^fovea: step [0-9]+: the loss or a gradient is NaN or infinite; .* smaller learning rate$'
[[ -s nan/metrics.jsonl && -s nan/report.html ]] || { echo 'FAILED: no record of what led there'; failed=1; }

for engines in reference simd,onednn; do  # a rate of nothing: the loss stays that of guessing
  "$fovea" "${start[@]}" --out "flat-$engines" --epochs 3 --set train.learning_rate=1e-20 \
    --set layer.fc2.init=constant --set layer.fc2.deviation=0 --engine "$engines,reference" \
    --stop-on-flat > out.txt 2> err.txt
  expect_status "flat loss by $engines" 3 $?
  expect "flat loss by $engines" err.txt '^fovea: step 29: the loss is flat at 1.0986, and guessing .* 1.0986: the net learns nothing'
done
"$fovea" "${start[@]}" --out learns --epochs 3 --stop-on-flat > out.txt 2> err.txt
expect_status 'a loss that falls' 0 $?

# stopped SIGNAL STATUS
stopped() {
  "$fovea" "${start[@]}" --epochs 40 --seed 3 --threads 1 --out "$1" > out.txt 2> err.txt &
  local pid=$!
  for ((i = 0; i < 400; ++i)); do  # not before the first step
    [[ -s $1/checkpoints/step-000000015.safetensors ]] && break
    sleep 0.02
  done
  kill -s "$1" $pid
  wait $pid
  local status=$?
  [[ $status == 0 ]] && { echo "$1: the run was faster than the signal"; return; }
  expect_status "$1" "$2" $status
  expect "$1" out.txt '^stopped; the state is saved. Go on with:$'
  eval "$(tail -n 1 out.txt)" > out.txt 2> err.txt
  expect_status "going on after $1" 0 $?
  cmp whole/model.safetensors "$1/model.safetensors" || failed=1
  cmp <(without_times whole/metrics.jsonl) <(without_times "$1/metrics.jsonl") || failed=1
}
without_times() { sed -E 's/"(images_per_second|seconds|run_seconds)":[^,}]*//g' "$1"; }
"$fovea" "${start[@]}" --epochs 40 --seed 3 --threads 1 --out whole > out.txt 2> err.txt
stopped INT 130
stopped TERM 143

# The number of threads belongs to a run on cpu.
"$fovea" train --resume whole --epochs 41 --threads 2 > out.txt 2> err.txt
expect_status 'other threads' 2 $?
expect 'other threads' err.txt '^fovea: --threads cannot be given with --resume'
"$fovea" train --resume whole --epochs 41 --threads 2 --allow-different-bits > out.txt 2> err.txt
expect_status 'other threads, asked for' 0 $?
exit $failed
