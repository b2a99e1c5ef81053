// sampler.h - the order of pictures: a function of (seed, epoch), for any number of threads.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

/// Writes a permutation of 0 .. order.size() - 1 that depends on (seed, epoch, size) alone:
/// Fisher-Yates (Durstenfeld 1964) with Philox bits of Purpose::shuffle.
FOVEA_API void epoch_order(std::uint64_t seed, std::int64_t epoch, std::span<std::uint32_t> order);

/// `count` of the numbers 0 .. labels.size() - 1 in ascending order, drawn by `seed`, with every
/// class in proportion: largest remainders, ties to the lower class. All of them if count is at
/// least their number. Throws InvalidArgument for a count below 1.
FOVEA_API std::vector<std::uint32_t> proportional_sample(std::span<const std::int32_t> labels,
                                                         std::int64_t count, std::uint64_t seed);

}  // namespace fovea
