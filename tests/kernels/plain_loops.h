// plain_loops.h - convolution and linear by their definitions in fp64, and whatever runs one
// algorithm of engine fovea on the emulator.
#pragma once

#include <fovea/kernels/cuda/algorithms.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea::test {

using Values = std::vector<float>;

/// Integers in [-3, 3], another sequence for each seed.
inline Values small_integers(std::int64_t count, std::uint32_t seed) {
  Values v(static_cast<std::size_t>(count));
  std::uint32_t bits = seed * 2654435761U + 12345U;
  for (float& e : v) {
    bits = bits * 1664525U + 1013904223U;
    e = static_cast<float>((bits >> 16) % 7) - 3.0F;
  }
  return v;
}

/// Calls f(x, w, y) with the element indices of every multiply-add of the convolution.
template <class F>
void for_each_product(const ConvProblem& p, F f) {
  const std::int64_t cg = p.c_per_group();
  for (std::int64_t n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      for (int j = 0; j < p.q(); ++j) {
        for (int r = 0; r < p.r; ++r) {
          const int row = i * p.u - p.ph.begin + r * p.dh;
          if (row < 0 || row >= p.h) continue;
          for (int s = 0; s < p.s; ++s) {
            const int column = j * p.v - p.pw.begin + s * p.dw;
            if (column < 0 || column >= p.w) continue;
            for (std::int64_t k = 0; k < p.k; ++k) {
              const std::int64_t x =
                  ((n * p.h + row) * p.w + column) * p.c + k / p.k_per_group() * cg;
              const std::int64_t w = ((k * p.r + r) * p.s + s) * cg;
              const std::int64_t y = ((n * p.p() + i) * p.q() + j) * p.k + k;
              for (std::int64_t c = 0; c < cg; ++c) f(x + c, w + c, y);
            }
          }
        }
      }
    }
  }
}

/// The algorithms of engine fovea for the emulated device.
inline const Registry& registry() {
  static const Registry r = [] {
    Registry made;
    emu::add_algorithms(made);
    return made;
  }();
  return r;
}

inline DeviceInfo emulated() {
  return {.device = Device::emulated(),
          .name = "emulated",
          .capability = 80,
          .shared_bytes_per_block = 99 * 1024};
}

/// Runs f(prepared, workspace) for every algorithm, in its math mode, and variant that takes p; the
/// workspace is NaN.
template <class Op, class F>
void for_each_way(const typename Op::Problem& p, F f) {
  ASSERT_FALSE(registry().list<Op>().empty());
  for (const Algorithm<Op>& a : registry().list<Op>()) {
    if (a.math == Math::bf16) continue;  // on bf16 tensors: through the doors
    if (!verdict(a, p, emulated(), a.math)) continue;
    for (const Variant& variant : variants_of(a, p, emulated(), Limits{})) {
      SCOPED_TRACE(a.name + " " + std::string(name_of(a.math)) + " " + variant + " " +
                   std::string(name_of(Op::kPass)) + " " + to_string(p));
      const auto prepared = a.prepare(p, variant, emulated());
      Values workspace(prepared->workspace_bytes() / sizeof(float) + 1, std::nanf(""));
      f(*prepared, workspace.data());
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

inline TensorView view(Values& v, const Shape& shape) { return {v.data(), DType::f32, shape}; }

inline Values rounded(const std::vector<double>& v) { return Values(v.begin(), v.end()); }

template <class Args>
void run(Prepared<Args>& prepared, const Args& args) {
  Stream stream(Device::emulated());
  prepared.bind(args);
  prepared.run(args, stream);
  stream.view().synchronize();
}

}  // namespace fovea::test
