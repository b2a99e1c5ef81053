#!/bin/bash
# commands.sh FOVEA CMAKE - evaluate, classify, features, plan, presets, devices and check-grads on a
# small trained net: what they print, their JSON (read by CMake), the words of an engine list.
set -u
fovea=$(realpath "$1") cmake=$2
here=$(dirname "$(realpath "$0")")
source "$here/fixtures.sh"
enter_scratch
idx_set data 48 24
class_folders pictures 2
tiny_recipe tiny.toml
"$fovea" train --config tiny.toml --data data --epochs 6 --out run --quiet > out.txt || exit 1

# run WHAT STATUS ARGUMENTS...: output in out.txt, messages in err.txt.
run() {
  local what=$1 status=$2
  shift 2
  "$fovea" "$@" > out.txt 2> err.txt
  expect_status "$what" "$status" $?
}
# json WHAT PATH...: out.txt is JSON with something at each path, as "layers 0 layer".
json() {
  local what=$1 path
  shift
  for path in "$@"; do
    "$cmake" -DFILE=out.txt "-DPATH_IN_IT=$path" -P "$here/read_json.cmake" > value.txt 2>&1 && continue
    printf 'FAILED %s: no %s in its JSON: %s\n' "$what" "$path" "$(cat value.txt)"
    failed=1
  done
}

# evaluate
run evaluate 0 evaluate --run run --data data
expect evaluate out.txt '^data: 24 test images, centre view$' '^top-1 error +[0-9.]+ % +\(accuracy ' '^loss +'
run 'evaluate, ten views' 0 evaluate --run run/model.safetensors --data data --views 10 --html page.html
expect 'evaluate, ten views' out.txt 'mean of ten views$'
expect 'its page' page.html '^<!doctype html>'
run 'evaluate --json' 0 evaluate --run run --data data --split train --json -
json 'evaluate --json' top1_error 'confusion 2 2' 'classes 0' images
printf 'cat\ndog\nowl\n' > names.txt
run 'evaluate --labels' 0 evaluate --run run --data data --labels names.txt
expect 'evaluate --labels' err.txt 'calls its classes otherwise than the model'

# classify: from files, from standard input, from data; one that cannot be read
run classify 0 classify --run run pictures/cat/0.png pictures/owl/1.png --top 2
expect classify out.txt '^pictures/cat/0.png$' '^pictures/owl/1.png$' '^ +[0-9.]+ %  0$' '^ +[0-9.]+ %  2$'
[[ $(wc -l < out.txt) == 6 ]] || { echo 'FAILED classify --top 2: not two labels each'; failed=1; }
"$fovea" classify --run run - < pictures/dog/0.png > out.txt 2> err.txt
expect_status 'classify -' 0 $?
expect 'classify -' out.txt '^standard input$' '%  1$'
echo 'no picture' > no.png
run 'classify with a broken file' 1 classify --run run pictures/cat/0.png no.png nowhere.png pictures/dog/1.png
expect 'classify with a broken file' out.txt '^pictures/cat/0.png$' '^pictures/dog/1.png$'
expect 'classify with a broken file' err.txt '^fovea: no.png: neither JPEG nor PNG$' '^fovea: nowhere.png: cannot be opened'
run 'classify --json' 0 classify --run run --data data --index 4 --json -
json 'classify --json' '0 labels 0 probability' '0 actual'

# features: of data, of a file, all names
run 'features --layer list' 0 features --run run --layer list
[[ $(tr '\n' ' ' < out.txt) == 'conv1 relu1 fc2 logits probabilities ' ]] || { cat out.txt; failed=1; }
run features 0 features --run run --data data --layer conv1 --layer probabilities --to f.safetensors --json -
json features 'layers 1 shape 1'
awk 'BEGIN { h = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,8,8,1],\"data_offsets\":[0,512]}}"
  printf "%c", length(h); for (i = 0; i < 7; ++i) printf "%c", 0; printf "%s", h }' > x.safetensors
head -c 512 /dev/zero >> x.safetensors
run 'features --load' 0 features --run run --load x.safetensors --layer logits --to g.safetensors
expect 'features --load' out.txt '^logits  2x3$'

# plan
run 'plan without data' 0 plan --config tiny.toml
expect 'plan without data' out.txt '^largest batch ' '^time +predicted [0-9,]+ images/s in [0-9]+ steps? on made-up pictures$' \
  '^ +an epoch of 60,000 pictures .*, all 2 epochs ' '^conv1 +conv forward '
run 'plan with data' 0 plan --config tiny.toml --data data --json -
json 'plan with data' seconds_per_epoch 'layers 0 layer' 'ops 0 algorithm'

# presets, devices, check-grads
run 'presets --json' 0 presets --json -
json 'presets --json' '4 preset' '0 input 2'
run 'presets --diff' 0 presets --diff lenet alexnet-fashion --json -
json 'presets --diff' '0 key'
run 'presets NAME' 0 presets lenet --json -
json 'presets NAME' 'layers 0 parameters'
run devices 0 devices
expect devices out.txt '^cpu ' '^emulated ' '^cuda' '^auto ' '^reference '
run 'devices --json' 0 devices --json -
json 'devices --json' 'devices 0 memory_bytes' 'engines 3 works' 'auto why'
run check-grads 0 check-grads --config tiny.toml --engine reference --json -
json check-grads '0 error' '0 right'

# engine lists
run 'check:' 0 train --config tiny.toml --data data --out checked --engine check:onednn,reference,check:simd,reference --epochs 1
expect 'check:' checked/log.txt 'checked by reference:'
expect 'check:' out.txt '^engine   .* for: ' '^         layer +forward +dgrad +wgrad$' '^         conv1 +(onednn|simd|reference):.*, checked by reference:'
run 'resume of check:' 0 train --resume checked --epochs 2
run smallest 0 plan --config tiny.toml --engine smallest,reference
run '--engine-for' 0 plan --config tiny.toml --engine-for 'conv*=reference'
expect '--engine-for' out.txt '^conv1 +conv forward +reference ' '^fc2 +gemm forward +(onednn|simd|fovea) '
expect '--engine-for' out.txt "^conv1' +conv wgrad +reference "
run fastest 0 train --config tiny.toml --data data --out timed --engine fastest,reference --tuning shared.txt
expect fastest out.txt '^tuning   fastest: [1-9][0-9]* problems timed in [0-9.]+ s, 0 known; timed/tuning.txt$'
expect 'choices of fastest' timed/choices.tsv '^conv1.*fastest: [0-9.]+ us'
expect 'its table in the log' timed/log.txt '^conv1 +conv forward .* fastest: '
expect 'its tuning file' timed/tuning.txt '^# fovea tuning 1$' '^\[cpu .*; fovea ' '^conv forward .* \| any workspace \| .* us \| '
cmp -s shared.txt timed/tuning.txt || { echo 'FAILED: --tuning holds something else'; failed=1; }
run 'fastest again' 0 train --config tiny.toml --data data --out again --engine fastest,reference --tuning shared.txt
expect 'fastest again' out.txt '^tuning   fastest: 0 problems timed in 0.0 s, [1-9][0-9]* known; '
cmp -s timed/model.safetensors again/model.safetensors || { echo 'FAILED: the same choices, other bits'; failed=1; }
sed -i 's/ | any workspace | / | any workplace | /' shared.txt
run 'wrong lines' 0 plan --config tiny.toml --engine fastest,reference --tuning shared.txt
expect 'wrong lines' err.txt '^fovea: tuning file shared.txt: line [0-9]+ is ignored: .* and [0-9]+ more like it$' \
  '^tuning   [1-9][0-9]* problems timed'
expect 'wrong lines are kept' shared.txt ' any workplace ' ' any workspace '
echo 'something else' > foreign.txt
run 'foreign file' 0 plan --config tiny.toml --engine fastest,reference --tuning foreign.txt
expect 'foreign file' err.txt '^fovea: tuning file foreign.txt is neither read nor written: '
[[ $(cat foreign.txt) == 'something else' ]] || { echo 'FAILED: a foreign file was written'; failed=1; }
run 'fastest within a limit' 0 plan --preset lenet --batch 8 --engine fastest,reference --workspace 300KiB --tuning tight.txt
expect 'fastest within a limit' tight.txt '^conv .* \| workspace of 307200 \| .* declined'
run 'once more' 0 plan --preset lenet --batch 8 --engine fastest,reference --workspace 300KiB --tuning tight.txt
expect 'once more' err.txt '^tuning   0 problems timed in 0.0 s, [1-9][0-9]* known'
mkdir folder.txt
run 'tuning file that cannot be written' 0 plan --config tiny.toml --engine fastest,reference --tuning folder.txt
[[ $(grep -c '^fovea: tuning file folder.txt: nothing is added to it: ' err.txt) == 1 ]] ||
  { echo 'FAILED: said otherwise than once:'; cat err.txt; failed=1; }
run '--workspace' 0 plan --config tiny.toml --engine onednn,reference --workspace 0
expect '--workspace' out.txt ' needs [0-9]+ bytes of workspace, the limit is 0'
run 'compare --workspace' 0 compare --device cpu --problem n2c16h8k16r3ph1 --pass forward --algo 'onednn:*' --math fp32 --workspace 0
expect 'compare --workspace' out.txt 'needs [0-9]+ bytes of workspace, the limit is 0'
run 'time --engine fastest' 0 time --config tiny.toml --engine fastest,reference --engine reference --steps 2 --nondeterministic
expect 'time --engine fastest' out.txt '^fastest,reference fp32: --nondeterministic lets in nothing here'
run 'check: of one' 2 plan --config tiny.toml --engine check:onednn
expect 'check: of one' err.txt '^fovea: check: names two engines'
exit $failed
