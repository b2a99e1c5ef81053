// arena.h - places of values in one block of memory, by lifetime. Pure: no memory is touched.
#pragma once

#include <fovea/core/api.h>

#include <cstddef>
#include <vector>

namespace fovea {

/// Bytes needed from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes = 0;
  int first = 0, last = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  // of each lifetime, multiples of kAllocationAlignment
  std::size_t bytes = 0;             // of the whole arena
};

/// Greedy by size: the largest first, each at the lowest offset that no placed value with an
/// overlapping lifetime covers. Deterministic: equal sizes keep their order.
/// After Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference".
FOVEA_API ArenaLayout place(const std::vector<Lifetime>& values);

}  // namespace fovea
