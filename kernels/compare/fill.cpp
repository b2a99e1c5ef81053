#include <fovea/core/thread_pool.h>
#include <fovea/kernels/compare/fill.h>

namespace fovea::compare {
namespace {

float real(std::uint32_t bits, Math math) {
  const float v = 0.05F + 0.95F * uniform(bits);
  return math == Math::fp32 ? v : math == Math::tf32 ? round_tf32(v) : to_float(to_bf16(v));
}

// One draw for each element of T.
template <class T, class F>
Fill each(F f) {
  return [f](HostTensor& t, const FillContext& context) {
    const std::span<T> values = t.as<T>();
    const auto fill = [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::uint64_t>(begin); i < static_cast<std::uint64_t>(end); ++i) {
        values[i] = f(context, context.random(i));
      }
    };
    ThreadPool::shared().parallel_for(static_cast<std::int64_t>(values.size()), 1 << 16, fill);
  };
}

float sign(std::uint32_t bits) { return (bits & 1U) != 0 ? 1.0F : -1.0F; }

float magnitude(const FillContext& c, const Bits4& b) {
  return c.values == Values::integers ? static_cast<float>(1 + uniform_below(b[0], 3))
                                      : real(b[0], c.math);
}

}  // namespace

Fill any_values() {
  return each<float>(
      [](const FillContext& c, const Bits4& b) { return sign(b[1]) * magnitude(c, b); });
}
Fill positive_values() {
  return each<float>([](const FillContext& c, const Bits4& b) { return magnitude(c, b); });
}
Fill relu_output() {
  return each<float>([](const FillContext& c, const Bits4& b) {
    return uniform_below(b[1], 4) == 0 ? 0.0F : magnitude(c, b);
  });
}
Fill tanh_output() {
  return each<float>(
      [](const FillContext& c, const Bits4& b) { return sign(b[1]) * real(b[0], c.math); });
}
Fill fractions() {
  return each<float>([](const FillContext& c, const Bits4& b) { return real(b[0], c.math); });
}
Fill pixels() {
  return each<std::uint8_t>([](const FillContext&, const Bits4& b) {
    return static_cast<std::uint8_t>(1 + uniform_below(b[0], 255));
  });
}
Fill labels(int classes) {
  return each<std::int32_t>([classes](const FillContext&, const Bits4& b) {
    return static_cast<std::int32_t>(uniform_below(b[0], static_cast<std::uint32_t>(classes)));
  });
}

}  // namespace fovea::compare
