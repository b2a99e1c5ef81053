// doors.h - every algorithm of default_registry() for one device kind as GoogleTest cases: one for
// each op, pass, algorithm and list.
#pragma once

#include <fovea/core/device.h>

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace fovea::test {

/// One test: an algorithm on a list.
struct Door {
  std::string name;               // "conv_forward_onednn_direct_edge": a test's name
  std::function<void()> compare;  // against the reference, each problem of the list
};

inline void PrintTo(const Door& door, std::ostream* out) { *out << door.name; }

/// All of them for algorithms that run on `kind`, the reference itself left out.
std::vector<Door> doors(DeviceKind kind);

/// Algorithms of `kind` that can run no problem of any list, by name.
std::vector<std::string> algorithms_never_reached(DeviceKind kind);

/// Results whose bits are the same on every device that runs fovea's kernels: hashes of the outputs
/// on real-valued inputs, by algorithm, variant and problem, for a fixed list of small problems.
/// Ops with transcendental functions, and tensor cores, are bounded, not equal, and left out.
std::map<std::string, std::string> golden_results(DeviceKind kind);

/// What the emulator answered: tests/golden/emulated.json.
std::map<std::string, std::string> read_golden();
/// Writes that file.
void write_golden(const std::map<std::string, std::string>& results);

}  // namespace fovea::test
