#!/bin/bash
# bench.sh FOVEA CMAKE - `./dev bench-gpu --dry-run`: the commands that measure on a GPU, here on the
# CPU with a small net; and README's tables from such files.
set -u
fovea=$(realpath "$1") cmake=$2
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
source "$here/fixtures.sh"
enter_scratch

"$root/dev" bench-gpu --dry-run "$fovea" "$PWD/cpu-2026-01-02" > out.txt 2> err.txt
expect_status 'a dry run' 0 $?
expect_value 'what was checked' cpu-2026-01-02/check.json 'rows 0 status' '^(ok|declined)$'
expect_value 'what was timed' cpu-2026-01-02/compare.json 'ceilings copy_gb_s' '^[0-9.]+$'
expect 'what was timed' cpu-2026-01-02/compare.json '"median_us": [0-9.]+'
for i in 0 1; do
  expect_value 'steps' cpu-2026-01-02/time.json "$i recipe" '^lenet$'
  expect_value 'steps' cpu-2026-01-02/time.json "$i batch" "^$((i + 1))$"
  expect_value 'steps' cpu-2026-01-02/time.json "$i machine cpu" '.'
  expect_value 'steps' cpu-2026-01-02/time.json "$i made command" 'time --preset lenet'
  expect_value 'steps' cpu-2026-01-02/time.json "$i columns 0 peak_bytes" '^[1-9][0-9]*$'
done

# tables: the newest folder counts; the best row of each engine; a pass that is missing is a sum less
mkdir -p all/old-card-2025-01-02 all/card-2026-01-02
echo '[]' > all/old-card-2025-01-02/time.json
row() {  # row NAME PASS MATH ENGINE STATUS MICROSECONDS
  printf '  {\n   "name": "%s",\n   "pass": "%s",\n   "math": "%s",\n   "engine": "%s",\n   "status": "%s",\n   "median_us": %s\n  },\n' "$@"
}
{
  printf '{\n "machine": {\n  "device": "A card",\n  "driver": "1.2"\n },\n "rows": [\n'
  for layer in 2 3 4 5; do
    for pass in forward dgrad wgrad; do
      row "alexnet-2012/conv$layer" "$pass" tf32 cudnn ok 30
      row "alexnet-2012/conv$layer" "$pass" tf32 fovea ok 20
      row "alexnet-2012/conv$layer" "$pass" tf32 fovea ok 25
      row "alexnet-2012/conv$layer" "$pass" tf32 fovea declined null
      row "alexnet-2012/conv$layer fused" "$pass" tf32 fovea ok 1
      [[ $pass == wgrad ]] || row "alexnet-2012/conv$layer" "$pass" bf16 fovea ok 1
      row "alexnet-2012/conv$layer" "$pass" bf16 cudnn ok 1
    done
  done
  row alexnet-2012/conv1 forward tf32 fovea ok 10
  row alexnet-2012/conv1 forward tf32 cudnn ok 40
  row alexnet-2012/conv1 wgrad tf32 fovea ok 10
  row alexnet-2012/conv1 wgrad tf32 cudnn ok 20
  printf ' ]\n}\n'
} > all/card-2026-01-02/compare.json
cat > all/card-2026-01-02/time.json <<'JSON'
[
{
 "machine": {
  "device": "A card",
  "driver": "1.2"
 },
 "recipe": "alexnet-2012",
 "batch": 128,
 "columns": [
  {
   "engines": "fovea",
   "math": "tf32",
   "replayed_ns": 3210000,
   "images_per_second": 39875.4,
   "peak_bytes": 2147483648
  },
  {
   "engines": "fovea",
   "math": "bf16",
   "declined": "no"
  },
  {
   "engines": "cudnn,fovea",
   "math": "bf16",
   "replayed_ns": 1,
   "images_per_second": 1,
   "peak_bytes": 1
  }
 ]
}
]
JSON
bash "$root/docs/benchmarks/tables.sh" all > tables.txt
expect tables tables.txt '^Measured on one A card, driver 1.2: \[docs/benchmarks/card-2026-01-02\]' \
  '^\| \| tf32 \| 128 \| 12,782 \| 3.6 \| 3.21 \| 39,875 \|$' \
  '^\| \| bf16 \| 128 \| 17,625 \| 2.2 \| not measured \| not measured \|$' \
  '^\| \| tf32 \| 1.6 \| 1.50 \|$' '^\| \| bf16 \| 1.5 \| not measured \|$' \
  '^\| first convolution of AlexNet 2012 alone \| tf32 \| 6 \| 3.00 \|$'
bash "$root/docs/benchmarks/tables.sh" . > /dev/null || failed=1
bash "$root/docs/benchmarks/tables.sh" all/card-2026-01-02 > none.txt
[[ $(grep -c 'not measured' none.txt) == 20 ]] || { echo 'FAILED tables: not every figure is not measured'; failed=1; }
"$root/dev" tables --check || failed=1
exit $failed
