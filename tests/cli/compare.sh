#!/bin/bash
# compare.sh FOVEA CMAKE - `fovea compare`: rows, lists, files, baselines, tensors out and in; the
# floors of `fovea time`.
set -u
fovea=$(realpath "$1") cmake=$2
here=$(dirname "$(realpath "$0")")
source "$here/fixtures.sh"
enter_scratch

# run WHAT STATUS ARGUMENTS...: output in out.txt, messages in err.txt.
run() {
  local what=$1 status=$2
  shift 2
  "$fovea" "$@" > out.txt 2> err.txt
  expect_status "$what" "$status" $?
}
problem=n1c4h9k8r3ph1
emulated=(compare --device emulated --problem "$problem+bias+relu" --math fp32 --quiet)

# rows on the emulator: counted, never timed
run emulated 0 "${emulated[@]}" --out report --csv rows.csv
expect emulated out.txt "^ +conv:$problem\+bias\+relu +forward +fp32 +fovea:naive +ok +exact " \
  'No time: floor us is what' '^rows [0-9]+: [0-9]+ ok, [0-9]+ declined, 0 wrong, 0 mistrusted, 0 failed$'
expect_value emulated report/compare.json 'rows 0 status' '^ok$'
expect_value emulated report/compare.json 'rows 0 median_us' '^$'
expect_value emulated report/compare.json 'rows 0 exact_on_integers' '^(ON|true)$'
expect_value emulated report/compare.json schema '^1$'
expect emulated rows.csv '^problem,name,pass,' "^conv:$problem\+bias\+relu,,forward,fp32,fovea,naive,"
expect emulated out.txt '^batch 1$'
rows=$(grep -c '^conv:' rows.csv)
[[ $rows == 11 ]] || { echo "FAILED emulated: $rows rows in the CSV, not three passes of three and two that decline"; failed=1; }
[[ $(grep -o '<tr' report/compare.html | wc -l) == 12 ]] ||
  { echo 'FAILED emulated: compare.html has not every row'; failed=1; }

# times on the cpu
run cpu 0 compare --device cpu --problem "$problem" --pass forward --math fp32 --algo reference --reps 3 --json - --quiet
expect_value cpu out.txt 'rows 0 median_us' '^[0-9.e-]+$'
expect_value cpu out.txt 'rows 0 floor_us' '^[0-9.e-]+$'
expect_value cpu out.txt 'ceilings copy_gb_s' '^[0-9.]+$'
expect_value cpu out.txt 'rows 0 counted' '^$'

# what would run; problems in full; one launch
run --list 0 compare --device cpu --suite lenet --list
expect --list out.txt ' runs$| runs +$' '^[0-9]+ would run, [0-9]+ decline$'
run '--list --json' 0 compare --device cpu --problem "$problem" --pass forward --math bf16 --list --json -
expect_value '--list --json' out.txt 'rows 0 status' '^declined$'
run --no-time 0 "${emulated[@]}" --pass forward --algo fovea:naive --no-time --json -
expect_value --no-time out.txt 'rows 0 counted' '^$'
expect_value --no-time out.txt 'rows 0 exact_on_integers' '^(ON|true)$'
run 'limits in the command that repeats a row' 0 "${emulated[@]}" --pass forward --algo fovea:naive --no-time \
  --nondeterministic --workspace 1MiB --json -
expect_value 'limits in the command that repeats a row' out.txt 'rows 0 reproduce' ' --nondeterministic --workspace 1048576$'
run --canonical 0 compare --problem "$problem" --canonical
expect --canonical out.txt '^conv:n1c4h9w9k8r3s3u1v1ph1pw1dh1dw1g1$'
run --once 0 compare --device cpu --problem "$problem" --pass dgrad --math fp32 --algo reference --once --quiet --json -
expect_value --once out.txt 'rows 0 median_us' '^$'
expect_value --once out.txt 'rows 0 status' '^unchecked$'
expect_value --once out.txt 'rows 0 bound_ratio' '^$'
run --no-check 0 compare --device cpu --problem "$problem" --pass dgrad --math fp32 --algo reference \
  --no-check --reps 2 --json - --quiet
expect_value --no-check out.txt 'rows 0 bound_ratio' '^$'
expect_value --no-check out.txt 'rows 0 median_us' '^[0-9.e-]+$'
expect_value --no-check out.txt 'rows 0 status' '^unchecked$'
run '--no-check, in words' 0 compare --device cpu --problem "$problem" --pass dgrad --math fp32 --algo reference \
  --no-check --reps 2 --quiet
expect '--no-check, in words' out.txt '^rows 1: 0 ok, 1 unchecked, 0 declined, 0 wrong, 0 mistrusted, 0 failed$'
run '--no-check --no-time' 2 compare --problem "$problem" --no-check --no-time
run --skip-algo 0 "${emulated[@]}" --skip-algo '*:naive' --pass forward
expect --skip-algo out.txt ' fovea:direct_tiled' '^rows 3: 2 ok, 1 declined'
run --variants 0 "${emulated[@]}" --algo fovea:direct_tiled --variants 2 --pass forward --list
expect --variants out.txt '^2 would run, 0 decline$'
run --batch 0 compare --device cpu --problem "$problem" --problem maxpool:n1c4h9r3u2 --batch 2,3 --list
expect --batch out.txt ' conv:n2c4' ' conv:n3c4' ' maxpool:n2c4' ' maxpool:n3c4'
run 'a batch of none' 2 compare --problem "$problem" --batch 0
for elements in add:n100 scale:n100f0.5 activation:n100+tanh bias:n10c6 dropout:n3c50 sgd:n256segments3; do
  run "$elements" 0 compare --device cpu --problem "$elements" --no-time --quiet
  expect "$elements" out.txt '^rows [1-9]'
done
run 'two suites' 0 compare --device emulated --suite lenet --suite alexnet-2012 --list
expect 'two suites' out.txt '^lenet/conv1 ' '^alexnet-2012/conv1 ' \
  '^alexnet-2012/fc7 cut +gemm:m1n256k256 ' '^lenet/fc3 cut +gemm:m1n250k400 '
run suites 0 compare --device cpu --suite preset:lenet@2 --list
expect suites out.txt ' conv:n2'
echo "n1c2h5k3r3 \"mine\" # a comment" > mine.txt
run 'suite file' 0 compare --device cpu --suite mine.txt --batch 2,3 --pass forward --math fp32 --no-time --quiet
expect 'suite file' out.txt '^mine +conv:n2c2h5k3r3 ' '^mine +conv:n3c2h5k3r3 '

# what is refused
run 'unknown letter' 2 compare --problem n1c4h9k8q3
expect 'unknown letter' err.txt '\^'
run 'unknown pass' 2 compare --problem "$problem" --pass backward
expect 'unknown pass' err.txt 'there are forward, dgrad, wgrad'
run 'an algorithm of nobody' 2 compare --problem "$problem" --algo 'nobody:*'
expect 'an algorithm of nobody' err.txt 'nothing to compare: no algorithm on '
run 'a pass that an op has not' 2 compare --problem add:n100 --pass wgrad
run 'no such suite' 2 compare --suite nothing
expect 'no such suite' err.txt 'neither a file that can be read nor built in'

# baselines: the same counts, counts that grew, another machine, no such file
run 'the same baseline' 0 "${emulated[@]}" --baseline report/compare.json
sed -E 's/("us": )[0-9.e-]+/\10.000001/' report/compare.json > less.json
run 'a smaller baseline' 1 "${emulated[@]}" --baseline less.json
expect 'a smaller baseline' out.txt '^slower: conv:.* fovea:naive.* floor by counted work '
sed -E 's/("device": ")emulated GPU/\1another/' report/compare.json > other.json
run 'a baseline of other versions' 0 "${emulated[@]}" --baseline <(sed 's/"driver": null/"driver": "9.9"/' report/compare.json)
expect 'a baseline of other versions' out.txt "^baseline: driver was '9.9' and is ''$" \
  '^baseline of 20.*: 9 rows ran in both, 0 of its rows were not made here, 0 slower$'
run 'baseline of another machine' 2 "${emulated[@]}" --baseline other.json
expect 'baseline of another machine' err.txt 'is of another machine: device was .another'
run 'baseline that is none' 2 "${emulated[@]}" --baseline rows.csv
expect 'baseline that is none' err.txt 'this is no compare.json'

# tensors out and in: the same inputs give the same bits
reference=(compare --device cpu --problem "$problem" --pass forward --math fp32 --algo reference)
run --dump 0 "${reference[@]}" --seed 5 --dump one.safetensors
run --load 0 "${reference[@]}" --seed 6 --load one.safetensors --dump two.safetensors
cmp one.safetensors two.safetensors || failed=1
head -c 1000 one.safetensors | grep -qa "conv:$problem" || { echo 'FAILED --dump: no problem in it'; failed=1; }
all=$problem+bias+relu+mask+db
for pass in forward dgrad wgrad; do
  run "--dump of $pass" 0 compare --device cpu --problem "$all" --pass "$pass" --math fp32 --algo reference --dump "$pass"
done
strings_of() { head -c 2000 "$1" | tr -d '\0'; }
strings_of forward | grep -qaF "conv:$problem+bias+relu\"" && strings_of dgrad | grep -qaF "conv:$problem+mask\"" &&
  strings_of wgrad | grep -qaF "conv:$problem+db\"" || { echo 'FAILED --dump: epilogues of other passes'; failed=1; }
run '--dump of several' 2 compare --device cpu --problem "$problem" --dump one.safetensors
expect '--dump of several' err.txt 'give one --problem and one --pass'
run '--dump of two batches' 2 "${reference[@]}" --batch 2,3 --dump one.safetensors
run '--dump of two modes' 2 compare --device cpu --problem "$problem" --pass forward --math fp32,bf16 --algo reference --dump one.safetensors
expect '--dump of two modes' err.txt 'give one --math'
run '--dump of another batch' 0 "${reference[@]}" --batch 3 --dump three.safetensors
strings_of three.safetensors | grep -qaF "conv:n3c4h9k8r3ph1\"" || { echo 'FAILED --dump: not of batch 3'; failed=1; }

# what goes in and comes out of one tensor: both are in the file
for op in "conv:$problem+acc:wgrad" sgd:n256segments3:forward; do
  both=(compare --device cpu --problem "${op%:*}" --pass "${op##*:}" --math fp32 --algo reference)
  run "--dump of $op" 0 "${both[@]}" --seed 5 --dump one.st
  run "--load of $op" 0 "${both[@]}" --seed 6 --load one.st --dump two.st
  cmp one.st two.st || failed=1
done
strings_of one.st | grep -qaF '"weights_before"' || { echo 'FAILED --dump: not what went in'; failed=1; }

# options that would be passed over
run '--dump --csv' 2 "${reference[@]}" --dump one.safetensors --csv rows.csv
expect '--dump --csv' err.txt '^fovea: --csv does nothing beside --dump: leave one out$'
for idle in '--dump d --list' '--dump d --once' '--dump d --baseline b' '--dump d --out o' '--dump d --json -' \
  '--dump d --suite lenet' '--list --csv c' '--list --baseline b' '--canonical --out o' '--once --baseline b' \
  '--no-check --dump-wrong d'; do
  run "$idle" 2 "${reference[@]}" $idle
  expect "$idle" err.txt ' does nothing beside --[a-z-]+: leave one out$'
done

# files of another problem or pass, and of tensors that the op has not
run '--load of another problem' 2 compare --device cpu --problem n1c4h9k8r3 --pass forward --math fp32 --algo reference \
  --load two.safetensors --dump d
expect '--load of another problem' err.txt "two.safetensors: its problem is conv:$problem, not conv:n1c4h9k8r3, which is asked for$"
run '--load of another pass' 2 compare --device cpu --problem "$problem" --pass wgrad --math fp32 --algo reference \
  --load two.safetensors --dump d
expect '--load of another pass' err.txt 'its pass is forward, not wgrad, which is asked for$'
run '--load of the same in full' 0 compare --device cpu --problem conv:n1c4h9w9k8r3s3u1v1ph1pw1dh1dw1g1+relu+db --pass wgrad \
  --math fp32 --algo reference --load wgrad --dump d

# tensors from elsewhere: taken without metadata, refused where they are not what the op has
# tensors FILE HEADER BYTE...: a safetensors file of one piece of data.
tensors() {
  local file=$1 header=$2
  shift 2
  { bytes $((${#header} & 255)) $((${#header} >> 8)) 0 0 0 0 0 0; printf %s "$header"; bytes "$@"; } > "$file"
}
labels='{"labels":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
tensors strange.st '{"X":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 0 0 0 0
run '--load of a strange name' 2 "${reference[@]}" --load strange.st --dump d
expect '--load of a strange name' err.txt '^fovea: conv forward has no tensor X: it has x, w, y$'
tensors shaped.st '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 0 0 0 0
run '--load of another shape' 2 "${reference[@]}" --load shaped.st --dump d
expect '--load of another shape' err.txt "^fovea: tensor x is .*, the problem's is "
for type in BF16:2 F16:2 F64:8; do
  size=${type#*:}
  tensors typed.st '{"x":{"dtype":"'${type%:*}'","shape":[1],"data_offsets":[0,'$size']}}' $(yes 0 | head -n "$size")
  run "--load of $type" 2 "${reference[@]}" --load typed.st --dump d
  expect "--load of $type" err.txt 'x is not of type F32$'
done
softmax=(compare --device cpu --problem softmax_loss:n4c10 --pass forward --math fp32 --algo simd --dump o.st)
tensors labels.st "$labels" 0 0 0 0  0 0 16 65  0 0 128 63  0 0 0 0  # 0 9 1 0
run '--load of labels' 0 "${softmax[@]}" --load labels.st
for bad in '0 36 116 73' '0 0 192 127' '0 0 128 191' '0 0 0 63'; do  # 1e6 NaN -1 0.5
  tensors labels.st "$labels" 0 0 0 0  0 0 16 65  $bad  0 0 0 0
  run "--load of a label of $bad" 2 "${softmax[@]}" --load labels.st
  expect "--load of a label of $bad" err.txt '^fovea: tensor labels is .* at \[2\]: give a class from 0 to 9$'
done

# fovea time: the floor and the share beside each time
tiny_recipe tiny.toml
run time 0 time --config tiny.toml --device cpu --steps 3
expect time out.txt '^us +default fp32 +floor +share$' '^conv1 forward +[0-9.]+ +[0-9.]+ +[0-9.]+$' \
  '^sum of these +[0-9.]+ +[0-9.]+ +[0-9.]+$' \
  '^as training runs it ' '^difference +-?[0-9.]+$' '^images/s +[0-9,]+$' '^peak memory +[0-9.]+ [KMG]iB$' '^floors by a copy of [0-9.]+ GB/s and products of '
read -r sum printed < <(awk '{ for (i = 1; i <= NF; ++i) if ($i ~ /^[0-9]+\.[0-9][0-9][0-9]$/) break }
  /^sum of these/ { printf "%.3f %s\n", sum, $i; exit } i <= NF { sum += $i }' out.txt)
[[ $sum == "$printed" ]] || { echo "FAILED time: the parts printed add up to $sum, not $printed"; failed=1; }
run 'time --json' 0 time --config tiny.toml --device cpu --steps 3 --json -
expect_value 'time --json' out.txt 'columns 0 parts 1 floor_us' '^[0-9.e-]+$'
expect_value 'time --json' out.txt 'columns 0 parts 1 share' '^[0-9.e-]+$'
expect_value 'time --json' out.txt 'columns 0 share' '^[0-9.e-]+$'
expect_value 'time --json' out.txt 'columns 0 parts 1 bytes' '^[1-9][0-9]*$'
run 'time that declines' 2 time --config tiny.toml --device cpu --math bf16 --engine simd
expect 'time that declines' err.txt '^fovea: layer conv1: nothing in the list can run .* in bf16'
run 'time of two engines' 0 time --config tiny.toml --device cpu --steps 2 --engine simd,onednn --engine reference --json -
expect_value 'time of two engines' out.txt 'columns 1 engines' '^reference$'
expect_value 'time of two engines' out.txt 'machine cpu' '.'
read -r parts launched < <(awk '/"ns":/ { sum += $2 } /"launched_ns"/ { print sum, $2 + 0; exit }' out.txt)
[[ $parts == "$launched" ]] || { echo "FAILED time: parts of $parts ns, a step of $launched ns"; failed=1; }
run 'time on the emulator' 2 time --config tiny.toml --device emulated
expect 'time on the emulator' err.txt 'says nothing about a GPU'
exit $failed
