#!/bin/bash
# emulated_suite.sh FOVEA - `fovea compare --suite alexnet-2012 --device emulated`: all rows right, each of
# the 30 convolution passes computed by somebody in every math mode, within a minute. Both cores for
# that minute: only with FOVEA_SLOW_TESTS=1.
set -u
[[ ${FOVEA_SLOW_TESTS:-} == 1 ]] || { echo 'SKIPPED: a minute of all cores; FOVEA_SLOW_TESTS=1 runs it'; exit 77; }
fovea=$(realpath "$1")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
SECONDS=0
"$fovea" compare --suite alexnet-2012 --device emulated --quiet --csv rows.csv > out.txt 2> err.txt
expect_status 'the suite' 0 $?
seconds=$SECONDS
tail -n1 out.txt
expect 'the suite' out.txt '^batch 1$' '^cut: ' ', 0 wrong, 0 mistrusted, 0 failed$'
passes=$(awk -F, '$1 ~ /^"?conv:/ && /,ok,/ { print $1, $3, $4 }' rows.csv | sort -u | wc -l)
[[ $passes == 90 ]] || { echo "FAILED: $passes of 90 convolution passes and modes have a row that is ok"; failed=1; }
echo "$seconds seconds on $(nproc) cores"
((seconds <= 60)) || { echo "FAILED: $seconds seconds, not 60 or less"; failed=1; }
exit $failed
