#include <fovea/core/philox.h>
#include <fovea/core/thread_pool.h>
#include <fovea/layers/initializer.h>

#include <cmath>
#include <numbers>

namespace fovea {
namespace {

// Box and Muller 1958: two uniforms to one normal; u1 in (0, 1] so that the logarithm is finite.
double normal(std::uint32_t a, std::uint32_t b) {
  const double u1 = (static_cast<double>(a) + 1.0) * 0x1p-32;
  const double u2 = static_cast<double>(b) * 0x1p-32;
  return std::sqrt(-2.0 * std::log(u1)) * std::cos(2.0 * std::numbers::pi * u2);
}

}  // namespace

Initializer Initializer::he(std::int64_t fan_in) {
  return gaussian(static_cast<float>(std::sqrt(2.0 / static_cast<double>(fan_in))));
}

Initializer Initializer::fan_in_uniform(std::int64_t fan_in) {
  return uniform(static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in))));
}

namespace {

float element(const Initializer& how, const Philox& bits, std::size_t i) {
  switch (how.kind) {
    case Initializer::Kind::gaussian: {
      const Bits4 b = bits(i / 2);
      const unsigned pair = (i % 2) * 2;
      return static_cast<float>(how.value * normal(b[pair], b[pair + 1]));
    }
    case Initializer::Kind::uniform:
      return how.value * (2.0F * uniform(bits(i / 4)[i % 4]) - 1.0F);
    case Initializer::Kind::constant:
      break;
  }
  return how.value;
}

}  // namespace

void fill(const Initializer& how, std::uint64_t seed, std::uint32_t parameter,
          std::span<float> elements) {
  const Philox bits{seed, stream_key(Purpose::init, parameter, 0)};
  // An element follows from its index alone, whoever computes it; 61 million take a thread seconds.
  constexpr std::int64_t kGrain = 1 << 14;
  ThreadPool::shared().parallel_for(static_cast<std::int64_t>(elements.size()), kGrain,
                                    [&](std::int64_t begin, std::int64_t end) {
                                      for (auto i = static_cast<std::size_t>(begin);
                                           i < static_cast<std::size_t>(end); ++i) {
                                        elements[i] = element(how, bits, i);
                                      }
                                    });
}

}  // namespace fovea
