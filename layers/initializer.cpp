#include <fovea/core/philox.h>
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

void fill(const Initializer& how, std::uint64_t seed, std::uint32_t parameter,
          std::span<float> elements) {
  const Philox bits{seed, stream_key(Purpose::init, parameter, 0)};
  for (std::size_t i = 0; i < elements.size(); ++i) {
    switch (how.kind) {
      case Initializer::Kind::constant:
        elements[i] = how.value;
        break;
      case Initializer::Kind::gaussian: {
        const Bits4 b = bits(i / 2);
        const unsigned pair = (i % 2) * 2;
        elements[i] = static_cast<float>(how.value * normal(b[pair], b[pair + 1]));
        break;
      }
      case Initializer::Kind::uniform:
        elements[i] = how.value * (2.0F * uniform(bits(i / 4)[i % 4]) - 1.0F);
        break;
    }
  }
}

}  // namespace fovea
