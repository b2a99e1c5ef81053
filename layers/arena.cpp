#include <fovea/core/memory_resource.h>
#include <fovea/layers/arena.h>

#include <algorithm>
#include <numeric>

namespace fovea {
namespace {

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

ArenaLayout place(const std::vector<Lifetime>& values) {
  ArenaLayout layout;
  layout.offsets.resize(values.size(), 0);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return values[a].bytes > values[b].bytes; });
  std::vector<std::size_t> placed;  // ascending offset
  for (const std::size_t v : order) {
    const std::size_t bytes = allocation_bytes(values[v].bytes);
    if (bytes == 0) continue;
    std::size_t at = 0;
    for (const std::size_t p : placed) {
      if (!overlap(values[v], values[p])) continue;
      if (layout.offsets[p] >= at + bytes) break;  // fits before p
      at = std::max(at, layout.offsets[p] + allocation_bytes(values[p].bytes));
    }
    layout.offsets[v] = at;
    layout.bytes = std::max(layout.bytes, at + bytes);
    placed.insert(
        std::ranges::upper_bound(placed, at, {}, [&](std::size_t p) { return layout.offsets[p]; }),
        v);
  }
  return layout;
}

}  // namespace fovea
