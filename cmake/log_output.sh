#!/bin/sh
# log_output.sh COMMAND...: runs a compiler and keeps what it says beside its output (-o FILE) as
# FILE.log, for tests that read it; lines of ptxas -v go there alone.
previous=
object=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
"$@" >"$object.log" 2>&1
status=$?
grep -v '^ptxas info\|^    [0-9]* bytes stack frame' "$object.log" >&2
exit $status
