// split.cpp
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/data/split.h>
#include <fovea/data/subset.h>

#include <string>
#include <utility>
#include <vector>

namespace fovea {
namespace {

// FNV-1a, 64 bits (draft-eastlake-fnv): the same on every machine, unlike std::hash.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace

bool held_out(std::string_view name, double fraction) {
  // Philox mixes what FNV leaves unmixed in its high bits.
  const Philox bits{fnv1a(name), stream_key(Purpose::split, 0, 0)};
  return bits(0)[0] < fraction * 0x1p32;
}

void check_fraction(double fraction) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw InvalidArgument("validation " + std::to_string(fraction) +
                          ": give a fraction of at least 0 and below 1");
  }
}

void hold_out_by_number(DataSets& data, double fraction) {
  std::vector<std::uint32_t> kept, held;
  for (std::int64_t i = 0; i < data.training->size(); ++i) {
    (held_out(std::to_string(i), fraction) ? held : kept).push_back(static_cast<std::uint32_t>(i));
  }
  if (held.empty()) return;
  if (kept.empty()) {
    throw InvalidArgument(data.path.string() + ": validation " + std::to_string(fraction) +
                          " leaves none of " + std::to_string(held.size()) +
                          " pictures to train on; give less");
  }
  data.validation = std::make_shared<Subset>(data.training, std::move(held));
  data.training = std::make_shared<Subset>(data.training, std::move(kept));
}

}  // namespace fovea
