// philox.h - randomness as a function: (seed, purpose, layer, step, index) -> bits.
// Philox4x32-10 of Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (SC11). Equal on CPU, emulator and GPU, for any launch shape and number of threads.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>

namespace fovea {

/// What a draw is for. Part of the key, so that no two uses ever see the same bits.
enum class Purpose : std::uint8_t {
  init = 1,
  shuffle,
  split,
  dropout,
  crop,
  mirror,
  colour,
  subset,
  rotate,
  test,
  check_gradients
};

struct Bits4 {
  std::uint32_t v[4];
  FOVEA_HD constexpr std::uint32_t operator[](unsigned i) const { return v[i & 3U]; }
  friend constexpr bool operator==(const Bits4&, const Bits4&) = default;
};

/// 128 random bits for each index. `stream` separates independent sequences: see stream_key().
struct Philox {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;

  FOVEA_HD constexpr Bits4 operator()(std::uint64_t index) const {
    std::uint32_t c0 = static_cast<std::uint32_t>(index);
    std::uint32_t c1 = static_cast<std::uint32_t>(index >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(stream);
    std::uint32_t c3 = static_cast<std::uint32_t>(stream >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = 0xD2511F53ULL * c0;
      const std::uint64_t b = 0xCD9E8D57ULL * c2;
      c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(b);
      c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(a);
      k0 += 0x9E3779B9U;  // golden ratio
      k1 += 0xBB67AE85U;  // sqrt(3) - 1
    }
    return {{c0, c1, c2, c3}};
  }
};

/// Key of one sequence: purpose in the top 8 bits, then 16 bits of layer, 40 bits of step
/// (an epoch for shuffles).
FOVEA_HD constexpr std::uint64_t stream_key(Purpose purpose, std::uint32_t layer,
                                            std::uint64_t step) {
  return (static_cast<std::uint64_t>(purpose) << 56) |
         (static_cast<std::uint64_t>(layer & 0xffffU) << 40) | (step & 0xffffffffffULL);
}

/// 32 bits -> [0, 1), 24 bits of resolution: exact in fp32.
FOVEA_HD constexpr float uniform(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24F;
}

/// 32 bits -> {0, ..., count - 1}; bias below count / 2^32.
FOVEA_HD constexpr std::uint32_t uniform_below(std::uint32_t bits, std::uint32_t count) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bits) * count) >> 32);
}

// Known answers of the paper's own test vectors (Random123 kat_vectors, philox4x32 10).
static_assert(Philox{0, 0}(0) == Bits4{{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}});
static_assert(Philox{~0ULL, ~0ULL}(~0ULL) ==
              Bits4{{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}});

}  // namespace fovea
