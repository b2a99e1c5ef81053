#!/usr/bin/env bash
# dev_test.sh DEV WORK - ./dev with stand-ins for dpkg-query, apt-get, sudo, id, cmake and nvidia-smi
# that write down how they were called: who is asked for what, and when nobody is.
set -uo pipefail
dev=$1 work=$2
failed=0

check() {  # check WHAT CONDITION...
  local what=$1
  shift
  if "$@"; then echo "ok      $what"; else echo "WRONG   $what"; failed=1; fi
}
stand_in() {  # stand_in NAME BODY
  printf '#!/bin/bash\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$work" "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
fresh() {  # fresh USER_ID INSTALLED: a tree with ./dev in it; INSTALLED: all or none
  rm -rf "$work"
  mkdir -p "$work/bin" "$work/tree"
  cp "$dev" "$work/tree/dev"
  stand_in id "echo $1"
  stand_in cmake 'exit 0'
  stand_in ninja 'exit 0'
  stand_in apt-get 'exit 0'
  stand_in nvidia-smi 'exit 9'
  if [ "$2" = all ]; then
    stand_in dpkg-query 'for a in "$@"; do case $a in -*) ;; *) echo "$a=installed" ;; esac; done'
  else
    stand_in dpkg-query 'echo "cmake=installed"; exit 1'
  fi
  # Of the machine's own tools those that the script needs, and no sudo.
  local tool
  for tool in bash sh awk sed grep tr head tail cat dirname nproc mkdir rm tee date env; do
    ln -sf "$(command -v "$tool")" "$work/bin/$tool"
  done
}
calls() { grep -c "^$1" "$work/calls" 2>/dev/null || true; }
run_dev() { (cd "$work/tree" && PATH="$work/bin" ./dev "$@") >"$work/out" 2>&1; status=$?; }
printed() { grep -q -- "$1" "$work/out"; }

fresh 0 all
run_dev build
check "nothing missing: succeeds" [ "$status" -eq 0 ]
check "nothing missing: no apt-get" [ "$(calls apt-get)" -eq 0 ]
check "says first what it does and how long" eval 'head -n1 "$work/out" | grep -q "builds .*minute"'

fresh 0 none
run_dev build
check "root: apt-get update and install" [ "$(calls apt-get)" -eq 2 ]
check "root: asks for what is missing" grep -q 'apt-get install .*libdnnl-dev' "$work/calls"
check "root: does not ask for what is there" eval '! grep -q "apt-get install .* cmake " "$work/calls"'
check "names the packages" printed 'installs from Debian .*libdnnl-dev'

fresh 1000 none
stand_in sudo 'exec "$@"'
run_dev build
check "user with sudo: asks once" [ "$(calls sudo)" -eq 1 ]
check "user with sudo: installs" [ "$(calls apt-get)" -eq 2 ]

fresh 1000 none
run_dev train
check "user without sudo: status 2" [ "$status" -eq 2 ]
check "user without sudo: the line to run" printed '^apt-get update.*apt-get install .*dataset-fashion-mnist'
check "user without sudo: builds nothing" [ "$(calls cmake)" -eq 0 ]

fresh 0 all
mkdir -p "$work/tree/build/bin"
printf '#!/bin/bash\nprintf "%%s " "$@"\n' >"$work/tree/build/bin/fovea"
chmod +x "$work/tree/build/bin/fovea"
run_dev train --seed 3
check "train: preset and data by default" \
  printed 'train --preset alexnet-fashion --data /usr/share/datasets/fashion-mnist --seed 3 '
check "train: no tests" grep -q 'cmake --preset cpu .*-DFOVEA_BUILD_TESTS=OFF' "$work/calls"
check "train: no nvcc without a GPU" grep -q 'cmake --preset cpu .*-DFOVEA_CUDA=OFF' "$work/calls"
check "train: the command alone" grep -q 'cmake --build .* --target fovea_command' "$work/calls"
run_dev train --data=/photographs --preset lenet
check "train: the user's own win" printed '^train --data=/photographs --preset lenet $'
run_dev train --resume runs/lenet-1
check "train: a resumed run needs nothing else" printed '^train --resume runs/lenet-1 $'

fresh 0 all
run_dev gpu-test
check "gpu-test without a GPU: status 2" [ "$status" -eq 2 ]
check "gpu-test without a GPU: one line" [ "$(wc -l <"$work/out")" -eq 1 ]
check "gpu-test without a GPU: builds nothing" [ "$(calls cmake)" -eq 0 ]
run_dev bench-gpu
check "bench-gpu without a GPU: status 2" [ "$status" -eq 2 ]

# bench-gpu --dry-run on a command whose comparison finds a row that is not right. compares ENGINE
# STATUS EXIT: what it writes into the file that it is told, and how it ends.
compares() {
  cat >"$work/row.json" <<JSON
   "problem": "conv:n1c3h8k4r3",
   "pass": "wgrad",
   "math": "tf32",
   "engine": "$1",
   "algorithm": "graph",
   "variant": "eng7 k2=4",
   "status": "$2",
   "why": "dw on reals: off",
   "engine": "fovea",
   "status": "ok",
   "why": null
JSON
  stand_in fovea 'while [ $# -gt 0 ]; do case $1 in
      time) echo "{}"; exit 0 ;;
      --json) to=$2 ;;
      --out) to=$2/compare.json ;;
    esac; shift; done
    '"[ $3 = 2 ] || cat '$work/row.json' >\"\$to\"; exit $3"
  rm -rf "$work/calls" "$work/bench"
  run_dev bench-gpu --dry-run "$work/bin/fovea" "$work/bench"
}
fresh 0 all
compares cudnn wrong 1
check "a wrong row of cuDNN: goes on" [ "$status" -eq 0 ]
check "a wrong row of cuDNN: checked and timed" [ "$(calls fovea)" -eq 4 ]
check "a wrong row of cuDNN: said, in both comparisons" [ "$(grep -c \
  'kept, wrong: cudnn:graph eng7 k2=4, conv:n1c3h8k4r3 wgrad tf32: dw on reals: off' "$work/out")" -eq 2 ]
check "a wrong row of cuDNN: stays in the file" grep -q '"status": "wrong"' "$work/bench/check.json"
compares cudnn failed 1
check "a failed row of cuDNN: goes on" [ "$status" -eq 0 ]
compares fovea wrong 1
check "a wrong row of fovea: status 1" [ "$status" -eq 1 ]
check "a wrong row of fovea: times nothing" [ "$(calls fovea)" -eq 1 ]
check "a wrong row of fovea: said" printed 'wrong: fovea:graph eng7 k2=4, conv:n1c3h8k4r3 wgrad'
compares cudnn wrong 2
check "a comparison that was none: stops" [ "$status" -eq 1 ]
check "a comparison that was none: times nothing" [ "$(calls fovea)" -eq 1 ]

run_dev frobnicate
check "unknown verb: status 2" [ "$status" -eq 2 ]
[ "$failed" -eq 0 ] || { echo "last output:"; cat "$work/out"; }
exit "$failed"
