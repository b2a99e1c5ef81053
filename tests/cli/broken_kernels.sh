#!/usr/bin/env bash
# broken_kernels.sh COMMAND PROGRAM - PROGRAM is the command with kernels of a user's, five of them
# broken. `compare` and `check:` end with status 1, name layer or problem, pass and the first wrong
# element with both values, and the command that they print repeats it.
set -uo pipefail
program=$(realpath "$2")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
wrong=0
complain() { wrong=1; printf '%s\n%s\n' "$1" "$output"; }
call() {  # STATUS COMMAND...
  local wanted=$1
  shift
  output=$("$@" 2>&1)
  local status=$?
  [ "$status" -eq "$wanted" ] || complain "'$*' ended with $status, not $wanted:"
}
said() { [[ $output =~ $1 ]] || complain "not there: $1"; }

# again NAME [REST]: the command behind "again:" finds it too; its --algo is 'NAME:NAME' and, with
# REST, what stands there up to the end.
again() {
  local command wanted="--algo '$1:$1${2:-"'"}"
  command=$(sed -n 's/.*again: //p' <<<"$output" | head -n1)
  [[ $command == *"$program compare "*"$wanted"* ]] || complain "no command that repeats $1:"
  output=$(bash -c "$command --no-time" 2>&1)
  [ $? -eq 1 ] || complain "'$command' ended otherwise than with 1:"
  said "wrong: (layer 7, )?forward conv:"
}

# A net with an odd height, padding and two groups, and pictures for it.
cat >traps.toml <<'END'
name = "traps"
[input]
height = 9
width = 9
channels = 1
mean = "none"
scale = "255"
[train]
batch = 2
learning_rate = 0.05
[[layer]]
type = "conv"
name = "conv1"
filters = 4
size = 3
pad = 1
init = "he"
[[layer]]
type = "tanh"
[[layer]]
type = "conv"
name = "conv2"
filters = 4
size = 3
groups = 2
init = "he"
[[layer]]
type = "linear"
name = "fc"
deviation = 0.2
END

call 0 "$program" compare --device cpu --problem n2c4h9k4r3ph1g2 --pass forward --math fp32 --algo right --no-time
said "rows 1: 1 ok"
call 0 "$program" check-grads --config traps.toml --device cpu --engine check:right,reference,reference

# --dump-wrong keeps inputs, the result and what it should be, under a name that says which row.
call 1 "$program" compare --device cpu --problem n2c4h9k4r3ph1g2 --pass forward --math fp32 \
  --algo broken1,right --no-time --dump-wrong dumps
[[ $(ls dumps) == conv-n2c4h9k4r3ph1g2-forward-fp32-broken1-broken1.safetensors ]] || complain "dumps: $(ls dumps)"
for tensor in x w y y_expected; do
  head -c 2000 dumps/*.safetensors | grep -qaF "\"$tensor\":" || complain "no $tensor in the dump"
done

echo 'n2c4h9k4r3ph1g2 "layer 7"' >layers.txt  # a report names the layer of a suite
for i in 1 2 3 4 5; do
  device=cpu beside=reference
  [ "$i" -eq 5 ] && device=emulated beside=fovea
  call 1 "$program" compare --device "$device" --suite layers.txt --pass forward --math fp32 \
    --algo "broken$i" --no-time
  said "wrong: layer 7, forward conv:n2c4h9k4r3ph1g2 by broken$i:broken$i: y.*first at \[[0-9,]+\] .* instead of "
  again "broken$i"
  call 1 "$program" check-grads --config traps.toml --device "$device" --engine "check:broken$i,$beside,$beside"
  said "fovea: layer conv[12], conv forward n[0-9]+c[14]h9k4r3[^ ]* \(broken$i:broken$i\): check: y\[[0-9,]+\] is [^ ]+, (by|under) "
  again "broken$i"
done

# Of several variants the one that ran is repeated, with what let it in.
call 1 "$program" check-grads --config traps.toml --device cpu --nondeterministic --engine check:picky,reference,reference
said "fovea: layer conv1, conv forward n[0-9]+c1h9k4r3[^ ]* \(picky:picky\): check: y\[[0-9,]+\] is [^ ]+, by "
again picky ":second' --nondeterministic"
exit "$wrong"
