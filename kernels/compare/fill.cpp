#include <fovea/core/thread_pool.h>
#include <fovea/core/widest_vectors.h>
#include <fovea/kernels/compare/fill.h>

#include <algorithm>
#include <array>
#include <span>

namespace fovea::compare {
namespace {

float real(std::uint32_t bits, Math math) {
  const float v = 0.05F + 0.95F * uniform(bits);
  return math == Math::fp32 ? v : math == Math::tf32 ? round_tf32(v) : to_float(to_bf16(v));
}

// What an element is made from: the first two words of its draw.
struct Draw {
  std::uint32_t a, b;
};

FOVEA_WIDEST_VECTORS
void draw(const Philox& random, std::uint64_t first, std::span<Draw> draws) {
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const Bits4 bits = random(first + i);
    draws[i] = {bits.v[0], bits.v[1]};
  }
}

// One draw for each element of T, a block at a time: millions of draws by themselves are a loop for
// vectors.
template <class T, class F>
Fill each(F f) {
  return [f](HostTensor& t, const FillContext& context) {
    const std::span<T> values = t.as<T>();
    const auto fill = [&](std::int64_t begin, std::int64_t end) {
      std::array<Draw, 256> draws;
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end);) {
        const std::size_t count = std::min(draws.size(), static_cast<std::size_t>(end) - i);
        draw(context.random, i, std::span(draws).first(count));
        for (std::size_t j = 0; j < count; ++j) values[i++] = f(context, draws[j]);
      }
    };
    ThreadPool::shared().parallel_for(static_cast<std::int64_t>(values.size()), 1 << 16, fill);
  };
}

float sign(const Draw& d) { return (d.b & 1U) != 0 ? 1.0F : -1.0F; }

float magnitude(const FillContext& c, const Draw& d) {
  return c.values == Values::integers ? static_cast<float>(1 + uniform_below(d.a, 3))
                                      : real(d.a, c.math);
}

}  // namespace

Fill any_values() {
  return each<float>([](const FillContext& c, const Draw& d) { return sign(d) * magnitude(c, d); });
}
Fill positive_values() {
  return each<float>([](const FillContext& c, const Draw& d) { return magnitude(c, d); });
}
Fill relu_output() {
  return each<float>([](const FillContext& c, const Draw& d) {
    return uniform_below(d.b, 4) == 0 ? 0.0F : magnitude(c, d);
  });
}
Fill tanh_output() {
  return each<float>(
      [](const FillContext& c, const Draw& d) { return sign(d) * real(d.a, c.math); });
}
Fill fractions() {
  return each<float>([](const FillContext& c, const Draw& d) { return real(d.a, c.math); });
}
Fill pixels() {
  return each<std::uint8_t>([](const FillContext&, const Draw& d) {
    return static_cast<std::uint8_t>(1 + uniform_below(d.a, 255));
  });
}
Fill labels(int classes) {
  return each<std::int32_t>([classes](const FillContext&, const Draw& d) {
    return static_cast<std::int32_t>(uniform_below(d.a, static_cast<std::uint32_t>(classes)));
  });
}

}  // namespace fovea::compare
