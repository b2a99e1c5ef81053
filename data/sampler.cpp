// sampler.cpp
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/data/sampler.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace fovea {
namespace {

// Swaps each element from the last down with one at or before it; draw i is word i % 4 of block
// i / 4 of the sequence.
void shuffle(const Philox& bits, std::span<std::uint32_t> values) {
  Bits4 block{};
  for (std::size_t i = values.size(); i > 1; --i) {
    const std::size_t draw = values.size() - i;
    if (draw % 4 == 0) block = bits(draw / 4);
    const std::uint32_t j =
        uniform_below(block[static_cast<unsigned>(draw % 4)], static_cast<std::uint32_t>(i));
    std::swap(values[i - 1], values[j]);
  }
}

// How many of each class: floor of its share, then one more for the largest remainders.
std::vector<std::int64_t> quotas(const std::vector<std::vector<std::uint32_t>>& members,
                                 std::int64_t count, std::int64_t total) {
  std::vector<std::int64_t> quota(members.size());
  std::vector<std::pair<std::int64_t, std::size_t>> remainders;  // (-remainder, class)
  std::int64_t left = count;
  for (std::size_t c = 0; c < members.size(); ++c) {
    const std::int64_t share = count * static_cast<std::int64_t>(members[c].size());
    quota[c] = share / total;
    left -= quota[c];
    remainders.emplace_back(-(share % total), c);
  }
  std::ranges::sort(remainders);
  for (std::int64_t i = 0; i < left; ++i) ++quota[remainders[static_cast<std::size_t>(i)].second];
  return quota;
}

}  // namespace

void epoch_order(std::uint64_t seed, std::int64_t epoch, std::span<std::uint32_t> order) {
  std::iota(order.begin(), order.end(), 0U);
  const auto step = static_cast<std::uint64_t>(epoch);
  shuffle(Philox{seed, stream_key(Purpose::shuffle, 0, step)}, order);
}

std::vector<std::uint32_t> proportional_sample(std::span<const std::int32_t> labels,
                                               std::int64_t count, std::uint64_t seed) {
  const auto total = static_cast<std::int64_t>(labels.size());
  if (count < 1) {
    throw InvalidArgument("limit: " + std::to_string(count) + " pictures; give at least 1");
  }
  std::vector<std::uint32_t> chosen;
  if (count >= total) {
    chosen.resize(labels.size());
    std::iota(chosen.begin(), chosen.end(), 0U);
    return chosen;
  }
  std::vector<std::vector<std::uint32_t>> members(
      static_cast<std::size_t>(*std::ranges::max_element(labels)) + 1);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::uint32_t>(i));
  }
  const std::vector<std::int64_t> quota = quotas(members, count, total);
  for (std::size_t c = 0; c < members.size(); ++c) {
    // The class as step: layer has only 16 bits.
    shuffle(Philox{seed, stream_key(Purpose::subset, 0, c)}, members[c]);
    chosen.insert(chosen.end(), members[c].begin(), members[c].begin() + quota[c]);
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace fovea
