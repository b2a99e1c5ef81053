// doors.h - every algorithm of default_registry() for one device kind as GoogleTest cases: one for
// each op, pass, algorithm and list.
#pragma once

#include <fovea/core/device.h>

#include <functional>
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

}  // namespace fovea::test
