# fixtures.sh - sourced by the tests of the command: small data sets made here, nothing downloaded.
export LC_ALL=C

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
