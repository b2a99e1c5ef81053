# fixtures.sh - sourced by the tests of the command: small data sets made here, nothing downloaded.
export LC_ALL=C

# enter_scratch: from now on in a folder of its own, removed at the end.
enter_scratch() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work" || exit 1
}

# bytes N...: these bytes.
bytes() { for b in "$@"; do printf "\\x$(printf %02x "$b")"; done; }

# idx_set FOLDER TRAIN TEST: pictures of 8x8 in three classes, a bright bar tells which.
idx_set() {
  mkdir -p "$1"
  local part count
  for part in train:"$2" t10k:"$3"; do
    count=${part#*:} part=${part%%:*}
    { bytes 0 0 8 3 0 0 0 "$count" 0 0 0 8 0 0 0 8
      awk -v n="$count" 'BEGIN { s = 7; for (i = 0; i < n; ++i) for (p = 0; p < 64; ++p) {
        s = (s * 1103 + 12345) % 65536
        printf "%c", int(p / 8) == 1 + 2 * (i % 3) ? 220 : 1 + s % 100 } }'
    } > "$1/$part-images-idx3-ubyte"
    { bytes 0 0 8 1 0 0 0 "$count"
      for ((i = 0; i < count; ++i)); do bytes $((i % 3)); done
    } > "$1/$part-labels-idx1-ubyte"
  done
}

# tiny_recipe FILE: a net that trains on such a set in a moment.
tiny_recipe() {
  cat > "$1" <<'TOML'
name = "tiny"
[input]
height = 8
width = 8
[train]
batch = 16
epochs = 2
learning_rate = 0.05
[[layer]]
type = "conv"
name = "conv1"
filters = 4
size = 3
init = "he"
[[layer]]
type = "relu"
name = "relu1"
[[layer]]
type = "linear"
name = "fc2"
init = "he"
TOML
}

# be32 N: four bytes, the highest first.
be32() { bytes $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }

# chunk TYPE FILE: a chunk of a PNG with the file's bytes. gzip knows the checksum: it ends with it,
# the lowest byte first.
chunk() {
  be32 "$(stat -c %s "$2")"
  { printf %s "$1"; cat "$2"; }
  { printf %s "$1"; cat "$2"; } | gzip -nc | tail -c 8 | head -c 4 | od -An -tu1 |
    { read -r a b c d; bytes "$d" "$c" "$b" "$a"; }
}

# png FILE CLASS NUMBER: a grey picture of 8x8, a bright bar in row 1 + 2 * CLASS.
png() {
  local part=$1.part
  { be32 8; be32 8; bytes 8 0 0 0 0; } > "$part"  # 8 bits a pixel, grey
  { printf '\x89PNG\r\n\x1a\n'; chunk IHDR "$part"; } > "$1"
  # zlib with one stored block of 8 rows of a filter byte and 8 pixels, then Adler-32.
  awk -v bar=$((1 + 2 * $2)) -v n="$3" 'BEGIN {
    a = 1; b = 0; s = 7 + 31 * n; text = "120 1 1 72 0 183 255"
    for (i = 0; i < 72; ++i) {
      s = (s * 1103 + 12345) % 65536
      v = i % 9 == 0 ? 0 : int(i / 9) == bar ? 220 : 1 + s % 100
      a = (a + v) % 65521; b = (b + a) % 65521; text = text " " v }
    print text, int(b / 256), b % 256, int(a / 256), a % 256 }' |
    { read -ra all; bytes "${all[@]}"; } > "$part"
  chunk IDAT "$part" >> "$1"
  : > "$part"
  chunk IEND "$part" >> "$1"
  rm "$part"
}

# class_folders FOLDER COUNT: cat, dog and owl with COUNT such pictures each.
class_folders() {
  local c name i
  for c in 0:cat 1:dog 2:owl; do
    name=$1/${c#*:}
    mkdir -p "$name"
    for ((i = 0; i < $2; ++i)); do png "$name/$i.png" "${c%:*}" "$i"; done
  done
}

# expect WHAT FILE PATTERN...: the file has a line that matches each pattern (grep -E).
failed=0
expect() {
  local what=$1 file=$2 pattern
  shift 2
  for pattern in "$@"; do
    grep -qE -- "$pattern" "$file" && continue
    printf 'FAILED %s: no line matches %s in\n%s\n' "$what" "$pattern" "$(cat "$file")"
    failed=1
  done
}
# expect_status WHAT EXPECTED FOUND
expect_status() {
  [[ $2 == "$3" ]] && return
  printf 'FAILED %s: status %s, expected %s\n' "$1" "$3" "$2"
  failed=1
}

# value FILE PATH: what stands in a JSON file at a path, as "rows 0 problem"; needs $cmake.
value() { "$cmake" -DFILE="$1" "-DPATH_IN_IT=$2" -P "$(dirname "${BASH_SOURCE[0]}")/read_json.cmake" 2>&1; }
# expect_value WHAT FILE PATH PATTERN
expect_value() {
  local found
  found=$(value "$2" "$3")
  [[ $found =~ $4 ]] && return
  printf 'FAILED %s: %s is %s, not %s\n' "$1" "$3" "$found" "$4"
  failed=1
}
