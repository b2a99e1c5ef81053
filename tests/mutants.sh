#!/usr/bin/env bash
# mutants.sh - plants the faults of mutants.tsv one by one and asks the tests whether they see them.
#   tests/mutants.sh [--only REGEX] [--folder DIR] [--jobs N]
# A row: file <TAB> sed expression <TAB> test binary[:GoogleTest filter] ... <TAB> what is wrong
# [<TAB> reason why it survives]. Works on a copy of the tracked files with a build folder of its own
# (default build/mutants), so that each fault costs one incremental build. A fault is found when the
# tests named fail, crash or take longer than five minutes. A row whose expression changes nothing or
# not exactly one line, or that does not compile, is an error of the table.
# Status: 0 all found, or survivors whose reason stands in the table; 1 otherwise.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
only="" folder=$root/build/mutants jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --only) only=$2 ;;
    --folder) folder=$2 ;;
    --jobs) jobs=$2 ;;
    *) echo "mutants.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
tree=$folder/tree build=$folder/build

# The copy: only what differs is written, so that a second run rebuilds little.
mkdir -p "$tree"
(cd "$root" && git ls-files -z) | while IFS= read -r -d '' file; do
  cmp -s "$root/$file" "$tree/$file" && continue
  mkdir -p "$(dirname "$tree/$file")"
  cp --preserve=mode "$root/$file" "$tree/$file"  # a new time: an interrupted run left objects of a fault
done
command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja
linker=()
! command -v mold >/dev/null || linker=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
cmake -S "$tree" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
  -DFOVEA_UNITY=OFF -DFOVEA_CUDA=OFF -DFOVEA_BUILD_EXAMPLES=OFF "${linker[@]}" >"$folder/configure.log" ||
  { cat "$folder/configure.log"; exit 1; }

planted=0 found=0 errors=0 survivors=()
# run_tests BINARY[:FILTER]...: status 0 if all pass
run_tests() {
  local test binary filter
  for test in "$@"; do
    binary=${test%%:*} filter='*'
    [ "$binary" = "$test" ] || filter=${test#*:}
    { timeout 300 "$build/bin/$binary" --gtest_filter="$filter" --gtest_fail_fast --gtest_brief=1 \
      >"$folder/test.log" 2>&1; } 2>/dev/null || return 1
  done
}
targets_of() { local t; for t in "$@"; do printf '%s\n' "${t%%:*}"; done | sort -u; }

# Without a fault everything named must pass, and every filter must match a test.
mapfile -t rows < <(grep -v '^#' "$root/tests/mutants.tsv" | grep -E "${only:-.}")
all=$(printf '%s\n' "${rows[@]}" | cut -f3 | tr ' ' '\n' | sort -u)
cmake --build "$build" -j "$jobs" --target $(targets_of $all) >"$folder/build.log" 2>&1 ||
  { tail -n 20 "$folder/build.log"; exit 1; }
for test in $all; do
  run_tests "$test" || { cat "$folder/test.log"; echo "$test fails without any fault"; exit 1; }
  filter='*'
  [ "${test%%:*}" = "$test" ] || filter=${test#*:}
  listed=$("$build/bin/${test%%:*}" --gtest_filter="$filter" --gtest_list_tests)
  grep -q '^  ' <<<"$listed" || { echo "$test matches no test"; exit 1; }
done

for row in "${rows[@]}"; do
  IFS=$'\t' read -r file expression tests what reason <<<"$row"
  planted=$((planted + 1))
  cp "$tree/$file" "$folder/original"
  sed -E "$expression" "$folder/original" >"$folder/mutant"
  changed=$(diff "$folder/original" "$folder/mutant" | grep -c '^[<>]')
  if [ "$changed" -eq 0 ] || [ "$changed" -gt 2 ]; then
    echo "ERROR     $file: '$expression' changes $changed lines, not one"
    errors=$((errors + 1))
    continue
  fi
  cp "$folder/mutant" "$tree/$file"
  if ! cmake --build "$build" -j "$jobs" --target $(targets_of $tests) >"$folder/build.log" 2>&1; then
    echo "ERROR     $file: '$expression' does not compile:"
    grep -m1 'error' "$folder/build.log"
    errors=$((errors + 1))
  elif run_tests $tests; then
    echo "SURVIVED  $file: $what${reason:+ ($reason)}"
    [ -n "${reason:-}" ] || errors=$((errors + 1))
    survivors+=("$file: $what: ${reason:-no reason given}")
  else
    found=$((found + 1))
    by=$(grep -om1 'FAILED  \] [^ ,]*' "$folder/test.log" | cut -d' ' -f4)
    echo "found     $file: $what [${by:-crashed or took too long}]"
  fi
  cp "$folder/original" "$tree/$file"
done
echo "$planted planted, $found found, ${#survivors[@]} survived"
[ ${#survivors[@]} -eq 0 ] || printf '  %s\n' "${survivors[@]}"
[ "$errors" -eq 0 ]
