#!/bin/bash
# train_output.sh FOVEA - what `train` prints and leaves behind, and that the commands it ends with
# run as printed; on IDX files and on class folders.
set -u
fovea=$(realpath "$1")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
idx_set data 48 24
class_folders pictures 12
echo text > pictures/cat/notes.txt
tiny_recipe tiny.toml
sed 's/^width = 8/width = 8\nresize = 8/' tiny.toml > small.toml

# run_next FILE: the first two commands after "next", as printed.
run_next() {
  local command
  while read -r command; do
    eval "$command" > next.txt 2>&1
    expect_status "$command" 0 $?
  done < <(grep -E '^(next)? +.* (evaluate|classify) ' "$1" | sed -E 's/^(next)? +//')
}

"$fovea" train --config tiny.toml --data data --out idx --seed 7 --json idx.json > out.txt 2> err.txt
expect_status 'train on IDX files' 0 $?
expect 'train on IDX files' out.txt '^device   cpu: [0-9]+ threads?, .*\(no GPU: |^device   cuda' \
  '^engine   .* for: ' '^data     data: 48 training, 24 test images, 8x8x1, 3 classes$' \
  '^net      tiny: 1 convolution, 1 linear, 475 parameters; plan ' \
  '^run      idx \(seed 7, fp32, batch 16, deterministic\)$' \
  '^epoch +images/s +loss +train error +test error\* +left$' '^  1/2 +[0-9,]+ +[0-9.]+ +[0-9.]+ % +[0-9.]+ % +' \
  '^test error .* \(accuracy .* %\), 24 images, last weights; trained .*, peak memory .* \* shown only; nothing is chosen by it$' \
  '^model    idx/model.safetensors; report idx/report.html$' '^next .* evaluate --run idx --data data$' \
  'classify --run idx --data data --index 17$' 'train --preset alexnet-2012 --data YOUR_FOLDER'
if grep -qE '^         layer ' out.txt; then echo 'FAILED: layers, and one engine has each op'; failed=1; fi
run_next out.txt
expect log idx/log.txt '^# .* train --config tiny.toml ' '^conv1 +conv forward ' '^test error '
expect records idx/metrics.jsonl '"step":1,"epoch":1,"images":16,"loss":.*"top5_error":null,.*"split":"train"' \
  '"images":24,.*"split":"test"'
expect json idx.json '"epochs"' '"peak_memory_bytes"'
[[ ! -e idx/skipped.tsv ]] || { echo 'FAILED: skipped.tsv without anything skipped'; failed=1; }

# Nothing is said twice of a run that goes on, and its own seed is.
"$fovea" train --resume idx --epochs 3 > out.txt 2> err.txt
expect_status resume 0 $?
expect resume out.txt '^run      idx \(seed 7,' '^  3/3 '

# In math mode bf16: trained, gone on with, judged.
"$fovea" train --config tiny.toml --data data --out narrow --device cpu --engine reference --math bf16 > out.txt 2> err.txt
expect_status 'train in bf16' 0 $?
expect 'train in bf16' out.txt '^engine   reference for: conv,' '^run      narrow \(seed 1, bf16, batch 16, deterministic\)$'
"$fovea" train --resume narrow --epochs 3 > out.txt 2> err.txt
expect_status 'resume in bf16' 0 $?
expect 'resume in bf16' out.txt '^run      narrow \(seed 1, bf16,' '^  3/3 '
"$fovea" evaluate --run narrow --data data --device cpu --engine reference --math bf16 > out.txt 2> err.txt
expect_status 'evaluate in bf16' 0 $?

"$fovea" train --config small.toml --data pictures --out folders --validation 0.3 > out.txt 2> err.txt
expect_status 'train on class folders' 0 $?
expect 'train on class folders' out.txt '^data     pictures: [0-9]+ training, [0-9]+ validation images, 8x8x1, 3 classes$' \
  '^note     1 file is not used \(cat/notes.txt: .*\); folders/skipped.tsv names them$' \
  '^epoch .* validation error ' '^validation error at best .* \(epoch [12], checkpoints/best.safetensors\); trained ' \
  'evaluate --run folders --data pictures --split val$'
run_next out.txt
expect skipped folders/skipped.tsv '^cat/notes.txt	neither JPEG nor PNG$'
"$fovea" evaluate --run folders --data pictures > out.txt 2> err.txt  # no test part
expect_status 'evaluate the part that is there' 0 $?
expect 'evaluate the part that is there' out.txt '^pictures: [0-9]+ val images, centre view$'
expect classes folders/classes.txt '^cat$' '^dog$' '^owl$'

"$fovea" train --config tiny.toml --data data --out few --overfit 16 > out.txt 2> err.txt
expect_status overfit 0 $?
run_next out.txt

# A preset for other classes says so, as it does of grey pictures for a colour net.
"$fovea" train --preset cifar10-18pct --data data --out cifar --epochs 1 --batch 8 > out.txt 2> err.txt
expect_status 'a preset on other data' 0 $?
expect 'a preset on other data' out.txt '^note     .* 3 outputs, one a class; cifar10-18pct has 10$' \
  '^note     the pictures are grey' '^note     pictures of 8x8 are enlarged'

"$fovea" train --config tiny.toml --data data --out loose --nondeterministic > out.txt 2> err.txt
expect nondeterministic out.txt '^note     --nondeterministic lets in ' ', nondeterministic\)$'

"$fovea" train --config tiny.toml --data data --out mixed --engine-for 'conv*=reference' --max-steps 1 > out.txt 2> err.txt
expect 'lists for layers' out.txt '^engine   .*reference for: conv' '^         layer +forward +dgrad +wgrad$' \
  '^         conv1 +reference:loops +reference:loops$' '^         fc2 +(onednn|simd|fovea):.* (onednn|simd|fovea):.* (onednn|simd|fovea):'
"$fovea" train --resume mixed > out.txt 2> err.txt
expect 'and after a resume' out.txt '^         conv1 +reference:loops +reference:loops$'
exit $failed
