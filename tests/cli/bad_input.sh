#!/bin/bash
# bad_input.sh FOVEA TABLE - runs each row of the table: name, exit status, the one line expected on
# standard error, command, separated by tabs. No command may change a file that existed; one that
# ends with status 2 may not make any either.
# FOVEA_RECORD=1 prints the rows with what was found instead.
set -u
fovea_binary=$(realpath "$1")
table=$(realpath "$2")
source "$(dirname "$(realpath "$0")")/fixtures.sh"
enter_scratch
fovea() { "$fovea_binary" "$@"; }

make_fixtures() {
  idx_set good 48 24
  tiny_recipe tiny.toml
  sed 's/filters = 4/filers = 4/' tiny.toml > wrong-key.toml
  sed 's/type = "relu"/type = "rellu"/' tiny.toml > wrong-type.toml
  sed 's/size = 3/size = 9/' tiny.toml > too-large.toml
  sed 's/filters = 4/filters = 0/' tiny.toml > no-filters.toml
  sed 's/name = "relu1"/name = "conv1"/' tiny.toml > twice.toml
  sed 's/batch = 16/batch = "many"/' tiny.toml > text-batch.toml
  echo 'name = "x' > not-toml.toml
  cp -r good truncated && truncate -s 1000 truncated/train-images-idx3-ubyte
  cp -r good no-labels && rm no-labels/train-labels-idx1-ubyte
  cp -r good other-magic && bytes 0 0 9 3 | dd of=other-magic/train-images-idx3-ubyte conv=notrunc status=none
  cp -r good fewer-labels && { bytes 0 0 8 1 0 0 0 3 0 1 2; } > fewer-labels/train-labels-idx1-ubyte
  cp -r good long && echo more >> long/train-images-idx3-ubyte
  cp -r good label-beyond && printf 'a\nb\n' > label-beyond/labels.txt
  cp -r good bad-gzip && gzip -n bad-gzip/train-images-idx3-ubyte && truncate -s 90 bad-gzip/train-images-idx3-ubyte.gz
  printf 'a\n\nc\n' > gap-labels.txt
  mkdir -p empty one-class/cat no-pictures/cat no-pictures/dog
  echo text > no-pictures/cat/a.txt
  echo 'not a picture' > broken.png
  fovea train --config tiny.toml --data good --out run --quiet > /dev/null || exit 1
  mkdir plain && cp run/classes.txt plain/
  head -c 3000 run/model.safetensors > cut.safetensors
  cp run/model.safetensors flipped.safetensors
  printf '\377' | dd of=flipped.safetensors bs=1 seek=$(($(stat -c %s run/model.safetensors) - 5)) conv=notrunc status=none
  cp -r run hurt && for f in hurt/checkpoints/*; do truncate -s 500 "$f"; done
  cp -r run no-checkpoints && rm no-checkpoints/checkpoints/*
}

# "checksum  file" of everything, sorted.
listing() { find . -type f -exec sha256sum {} + | sort; }

make_fixtures
failed=0 rows=0
before=$(listing)
while IFS=$'\t' read -r name status line command; do
  [[ -z $name || $name == '#'* ]] && continue
  rows=$((rows + 1))
  found=$( (eval "$command") 2>&1 > /dev/null < /dev/null)
  found_status=$?
  # A header also names the machine: its length is not the same everywhere.
  found=$(sed -E "s/header of [0-9]+ bytes/header of N bytes/g" <<< "$found")
  after=$(listing)
  if [[ -n ${FOVEA_RECORD:-} ]]; then
    printf '%s\t%s\t%s\t%s\n' "$name" "$found_status" "$found" "$command"
  elif [[ $found != "$line" || $found_status != "$status" ]]; then
    printf 'FAILED %s: %s\n  expected %s: %s\n  found    %s: %s\n' \
      "$name" "$command" "$status" "$line" "$found_status" "$found"
    failed=$((failed + 1))
  fi
  changed=$(comm -23 <(echo "$before") <(echo "$after"))
  made=$(comm -13 <(echo "$before") <(echo "$after"))
  if [[ -n $changed || ($status == 2 && -n $made) ]]; then
    printf 'FAILED %s touched files:\n%s\n%s\n' "$name" "$changed" "$made"
    failed=$((failed + 1))
  fi
  before=$after
done < "$table"
echo "$rows commands, $failed failures"
[[ $failed == 0 && $rows -ge 30 ]]
