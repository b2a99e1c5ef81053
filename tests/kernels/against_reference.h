// against_reference.h - one call of an op by engine fovea on the emulator, under every thread order
// and with operands that do and do not allow 16-byte access, beside the reference's.
#pragma once

#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/cuda/algorithms.h>
#include <fovea/kernels/emulator/schedule.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fovea::test {

/// Of values about 1.
inline constexpr float kFewRoundings = 2e-6F;

/// Elements that begin at a multiple of 16 bytes, or 4 bytes behind one.
class Operand {
 public:
  explicit Operand(std::vector<float> v, int shift = 0)
      : shift_{shift}, v_(v.size() + static_cast<std::size_t>(shift)) {
    std::copy(v.begin(), v.end(), v_.begin() + shift);
  }
  TensorView view(const Shape& shape) { return {v_.data() + shift_, DType::f32, shape}; }
  std::vector<float> values() const { return {v_.begin() + shift_, v_.end()}; }

 private:
  int shift_;
  std::vector<float> v_;
};

/// Reals in (-1, 1).
inline std::vector<float> reals(std::int64_t count, std::uint64_t seed) {
  std::vector<float> v(static_cast<std::size_t>(count));
  const Philox bits{seed, stream_key(Purpose::test, 0, 0)};
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 2 * uniform(bits(i / 4)[i % 4]) - 1;
  return v;
}

/// Integers in [-3, 3]: sums of them are exact.
inline std::vector<float> integers(std::int64_t count, std::uint64_t seed) {
  std::vector<float> v = reals(count, seed);
  for (float& e : v) e = std::floor((e + 1) * 3.5F) - 3;
  return v;
}

inline std::vector<float> nothing(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count),
                            std::numeric_limits<float>::quiet_NaN());
}

inline DeviceInfo info_of(const Device& device) {
  DeviceInfo info;
  info.device = device;
  return info;
}

/// One algorithm, ready to be called with Args, whose workspace it fills in.
template <class Op>
class Call {
 public:
  Call(const Algorithm<Op>& a, const typename Op::Problem& p, const Device& device)
      : device_{device}, prepared_{a.prepare(p, "", info_of(device))} {}
  void operator()(typename Op::Args args) const {
    std::vector<float> workspace =
        nothing(static_cast<std::int64_t>(prepared_->workspace_bytes() / sizeof(float)));
    args.context.workspace = workspace.data();
    const Stream stream(device_);
    prepared_->run(args, stream);
    stream.view().synchronize();
  }

 private:
  Device device_;
  std::unique_ptr<Prepared<typename Op::Args>> prepared_;
};

template <class Op>
const Algorithm<Op>& first_that_can(const Registry& registry, const typename Op::Problem& p,
                                    const Device& device) {
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (verdict(a, p, info_of(device), Math::fp32)) return a;
  }
  throw Unsupported(std::string(Op::kName) + " " + to_string(p) + ": no algorithm");
}

/// Results of f(call, shift): by the reference, and by engine fovea, which must give the same bits
/// in every thread order and for either alignment.
template <class Op, class F>
std::pair<std::vector<float>, std::vector<float>> results(const typename Op::Problem& p, F f) {
  Registry reference, fovea;
  add_reference_algorithms(reference);
  emu::add_algorithms(fovea);
  const Call<Op> truth(first_that_can<Op>(reference, p, Device::cpu()), p, Device::cpu());
  const Algorithm<Op>& algorithm = first_that_can<Op>(fovea, p, Device::emulated());
  const Call<Op> call(algorithm, p, Device::emulated());
  const std::vector<float> expected = f(truth, 0);
  std::vector<float> first;
  for (const ThreadOrder order : kThreadOrders) {
    const ScopedSchedule schedule({.order = order});
    for (const int shift : {0, 1}) {
      SCOPED_TRACE(algorithm.name + " " + to_string(p) + ", " + to_string(Schedule{order}) +
                   ", shifted by " + std::to_string(shift));
      const std::vector<float> got = f(call, shift);
      if (first.empty()) first = got;
      EXPECT_EQ(got.size(), first.size());
      EXPECT_EQ(std::memcmp(got.data(), first.data(), got.size() * sizeof(float)), 0)
          << "other bits than in order";
    }
  }
  return {expected, first};
}

/// As results(), and compares them: equal for tolerance 0, else within tolerance * (1 +
/// |expected|).
template <class Op, class F>
void expect_reference(const typename Op::Problem& p, float tolerance, F f) {
  const auto [expected, got] = results<Op>(p, f);
  ASSERT_EQ(expected.size(), got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool both_nan = std::isnan(expected[i]) && std::isnan(got[i]);
    if (both_nan || expected[i] == got[i]) continue;
    ASSERT_LE(std::abs(expected[i] - got[i]), tolerance * (1 + std::abs(expected[i])))
        << Op::kName << " " << to_string(p) << ", element " << i << ": " << got[i] << " instead of "
        << expected[i];
    ASSERT_FALSE(std::isnan(expected[i]) || std::isnan(got[i])) << "element " << i;
  }
}

}  // namespace fovea::test
