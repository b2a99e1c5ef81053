#!/bin/bash
# nondeterministic.sh FOVEA LOOSE - the command with an algorithm that does not promise its bits
# (loose_command.cpp): passed over, let in, and asked for by a resume that does not have it.
set -u
fovea=$(realpath "$1") loose=$(realpath "$2")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
idx_set data 48 24
tiny_recipe tiny.toml

# run WHAT STATUS COMMAND...: output in out.txt, messages in err.txt.
run() {
  local what=$1 status=$2
  shift 2
  "$@" > out.txt 2> err.txt
  expect_status "$what" "$status" $?
}
list=(--config tiny.toml --engine loose,reference)

run 'plan' 0 "$loose" plan "${list[@]}"
expect 'plan' out.txt '^conv1 +conv forward +reference .* loose:loose: its bits may differ from run to run'
run 'plan --nondeterministic' 0 "$loose" plan "${list[@]}" --nondeterministic
expect 'plan --nondeterministic' out.txt '^--nondeterministic lets in conv forward loose:loose$' \
  '^conv1 +conv forward +loose +loose .* first in the list$'
run 'alone' 2 "$loose" plan --config tiny.toml --engine-for conv1=loose
expect 'alone' err.txt "^fovea: layer conv1: .*loose:loose: its bits may differ from run to run"
run 'train' 0 "$loose" train "${list[@]}" --data data --out run --fast --max-steps 2
expect 'train' out.txt '^note +--nondeterministic lets in conv forward loose:loose$' '^run .* nondeterministic\)$'
expect 'its choices' run/choices.tsv '^conv1.conv.forward.*.loose.loose'
run 'compare' 0 "$loose" compare --device cpu --problem n1c16h14k8r3 --pass forward --math fp32 --algo loose
expect 'compare' out.txt 'its bits may differ from run to run' '^rows 1: 0 ok, 1 declined'
run 'compare --nondeterministic' 0 "$loose" compare --device cpu --problem n1c16h14k8r3 --pass forward --math fp32 --algo loose --nondeterministic
expect 'compare --nondeterministic' out.txt '^--nondeterministic lets in conv forward loose:loose$' '^rows 1: 1 ok'
run 'compare --nondeterministic --json -' 0 "$loose" compare --device cpu --problem n1c16h14k8r3 --pass forward --math fp32 --algo loose --nondeterministic --no-time --json -
expect 'compare --nondeterministic --json -' err.txt '^--nondeterministic lets in conv forward loose:loose$'
if grep -q '^--nondeterministic' out.txt; then echo 'FAILED: a line in the JSON'; failed=1; fi
run 'compare of what repeats' 0 "$loose" compare --device cpu --problem activation:n64+relu --pass forward --math fp32 --algo simd --nondeterministic --no-time
expect 'compare of what repeats' out.txt '^--nondeterministic lets in nothing here: '
run 'check-grads --nondeterministic' 0 "$loose" check-grads "${list[@]}" --nondeterministic
expect 'check-grads --nondeterministic' out.txt '^engine   ' '^         conv1 +loose:loose ' '^note     --nondeterministic lets in conv forward loose:loose$'
run 'time of a mixed list' 0 "$loose" time "${list[@]:0:2}" --engine loose,simd,reference --engine reference --steps 1 --fast
expect 'time of a mixed list' out.txt '^loose,simd,reference fp32: .*loose for: conv'
if grep -q '^reference fp32: reference' out.txt; then echo 'FAILED: one engine is no list'; failed=1; fi

run 'resume without it' 2 "$fovea" train --resume run
expect 'resume without it' err.txt '^fovea: layer conv1: the run computed conv forward .* by loose:loose, which cannot be repeated here \(loose:loose: is not there\), so the bits would differ; add --allow-different-bits to go on$'
run 'resume with it' 0 "$loose" train --resume run --epochs 3
run 'resume with other bits' 0 "$fovea" train --resume run --epochs 4 --allow-different-bits
expect 'the new choice' run/choices.tsv '^conv1.conv.forward.*.reference.loops'
run 'resume with the new choice' 0 "$loose" train --resume run --epochs 5
exit $failed
