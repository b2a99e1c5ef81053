// warp_ops_test.cpp - shuffles, votes, matrix operations, reductions and named barriers against
// plain loops, under every schedule.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/emulator/kernels/warp_ops.h>
#include <fovea/tests/emulator/schedules.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace fovea {
namespace {

class WarpOps : public testing::TestWithParam<Schedule> {
 protected:
  ScopedSchedule schedule_{GetParam()};
  Stream stream_{Device::emulated()};
};

/// Integers in [-5, 5], exact in bf16 and tf32.
float small_integer(int i, int seed) { return static_cast<float>((i * 7 + seed * 3) % 11 - 5); }

TEST_P(WarpOps, Shuffles) {
  std::vector<int> out(32 * kShuffles);
  emu::run_shuffles(out.data(), stream_);
  stream_.view().synchronize();
  for (int lane = 0; lane < 32; ++lane) {
    const int in8 = lane % 8, of8 = lane - in8;
    const int expected[kShuffles] = {(lane + 5) % 32,
                                     of8 + 3,
                                     lane < 2 ? lane : lane - 2,
                                     in8 < 2 ? lane : lane - 2,
                                     lane > 29 ? lane : lane + 2,
                                     in8 > 5 ? lane : lane + 2,
                                     lane ^ 17,
                                     lane ^ 3};
    for (int s = 0; s < kShuffles; ++s) {
      EXPECT_EQ(out[lane * kShuffles + s], expected[s]) << "lane " << lane << ", shuffle " << s;
    }
  }
}

TEST_P(WarpOps, Votes) {
  std::vector<std::uint32_t> out(4 * 32);
  emu::run_votes(out.data(), stream_);
  stream_.view().synchronize();
  std::uint32_t ballot = 0;
  for (int lane = 0; lane < 32; lane += 3) ballot |= 1U << lane;
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], ballot);
    EXPECT_EQ(out[32 + lane], 1U);
    EXPECT_EQ(out[64 + lane], 0U);
    EXPECT_EQ(out[96 + lane], ballot & (lane < 16 ? 0xffffU : 0xffff0000U));
  }
}

/// c + a * b in plain loops; exact on small integers.
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b,
                           std::vector<float> c, int k) {
  for (int i = 0; i < 16; ++i) {
    for (int l = 0; l < k; ++l) {
      for (int j = 0; j < 8; ++j) c[i * 8 + j] += a[i * k + l] * b[l * 8 + j];
    }
  }
  return c;
}

struct Matrices {
  explicit Matrices(int k) : a(16 * k), b(k * 8), c(16 * 8), d(16 * 8) {
    for (int i = 0; i < 16 * k; ++i) a[i] = small_integer(i, 1);
    for (int i = 0; i < k * 8; ++i) b[i] = small_integer(i, 2);
    for (int i = 0; i < 16 * 8; ++i) c[i] = small_integer(i, 3);
  }
  static std::vector<bf16> rounded(const std::vector<float>& v) {
    std::vector<bf16> r(v.size());
    std::transform(v.begin(), v.end(), r.begin(), to_bf16);
    return r;
  }
  std::vector<float> a, b, c, d;
};

TEST_P(WarpOps, MmaTf32) {
  Matrices m(8);
  emu::run_mma_tf32(m.a.data(), m.b.data(), m.c.data(), m.d.data(), stream_);
  stream_.view().synchronize();
  EXPECT_EQ(m.d, product(m.a, m.b, m.c, 8));
}

TEST_P(WarpOps, MmaBf16) {
  Matrices m(16);
  const auto a = Matrices::rounded(m.a), b = Matrices::rounded(m.b);
  emu::run_mma_bf16(a.data(), b.data(), m.c.data(), m.d.data(), stream_);
  stream_.view().synchronize();
  EXPECT_EQ(m.d, product(m.a, m.b, m.c, 16));
}

TEST_P(WarpOps, MmaBatch) {
  Matrices m(8);
  std::vector<float> scaled = m.a;
  for (float& v : scaled) v *= kBatch;
  emu::run_mma_batch(m.a.data(), m.b.data(), m.c.data(), m.d.data(), 32, stream_);
  stream_.view().synchronize();
  EXPECT_EQ(m.d, product(scaled, m.b, m.c, 8));
}

TEST_P(WarpOps, LanesBringTheSameBatch) {
  Matrices m(8);
  try {
    emu::run_mma_batch(m.a.data(), m.b.data(), m.c.data(), m.d.data(), 31, stream_);
    stream_.view().synchronize();
    FAIL() << "lane 31 lacks a product, and nobody says so";
  } catch (const DeviceError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("the lanes of a warp bring different matrix "), std::string::npos) << text;
  }
}

TEST_P(WarpOps, LdmatrixFeedsMma) {
  Matrices m(16);
  const auto a = Matrices::rounded(m.a), b = Matrices::rounded(m.b);
  emu::run_mma_ldmatrix(a.data(), b.data(), m.c.data(), m.d.data(), stream_);
  stream_.view().synchronize();
  EXPECT_EQ(m.d, product(m.a, m.b, m.c, 16));
}

TEST_P(WarpOps, Reductions) {
  std::vector<float> x(256), out(4);
  for (int i = 0; i < 256; ++i) x[i] = static_cast<float>((i * 37) % 101 - 60);
  emu::run_reductions(x.data(), out.data(), stream_);
  stream_.view().synchronize();
  EXPECT_EQ(out[0], std::accumulate(x.begin(), x.end(), 0.0F));
  EXPECT_EQ(out[1], *std::max_element(x.begin(), x.end()));
  EXPECT_EQ(out[2], std::accumulate(x.begin() + 32, x.begin() + 64, 0.0F));
  EXPECT_EQ(out[3], *std::max_element(x.begin() + 32, x.begin() + 64));
}

TEST_P(WarpOps, RolesHandOverByNamedBarriers) {
  std::vector<float> x(32 * 7), y(32 * 7), expected(32 * 7);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i);
    expected[i] = 2 * x[i];
  }
  emu::run_roles(x.data(), y.data(), static_cast<int>(x.size()), stream_);
  stream_.view().synchronize();
  EXPECT_EQ(y, expected);
}

INSTANTIATE_TEST_SUITE_P(Schedules, WarpOps, testing::ValuesIn(all_schedules()), schedule_name);

TEST(MmaRounding, DropsTf32BitsAndTruncatesTheSum) {
  // 1 + 2^-25 lies between 1 and the next fp32: to nearest it is 1, but the sum of two such
  // products and 1 is 1 + 2^-24, halfway, and three give more than halfway: truncation stays at 1.
  std::vector<float> a(16 * 8), b(8 * 8), c(16 * 8, 1), d(16 * 8);
  for (int l = 0; l < 3; ++l) {
    a[l] = 0x1p-12F;
    b[l * 8] = 0x1p-13F;
  }
  a[8] = 1.0F + 0x1p-11F + 0x1p-12F;  // row 1: rounded by to_tf32 to 1 + 2^-10, not kept in full
  b[0 * 8 + 1] = 1;
  const ScopedSchedule scoped{Schedule{}};
  const Stream stream(Device::emulated());
  emu::run_mma_tf32(a.data(), b.data(), c.data(), d.data(), stream);
  stream.view().synchronize();
  EXPECT_EQ(d[0], 1.0F);
  EXPECT_EQ(d[8 + 1], 2.0F + 0x1p-10F);
}

TEST(MmaRounding, KeepsNanAndInfinity) {
  std::vector<float> a(16 * 8), b(8 * 8), c(16 * 8), d(16 * 8);
  a[0] = std::numeric_limits<float>::quiet_NaN();
  a[8] = std::numeric_limits<float>::infinity();
  std::fill(b.begin(), b.end(), 1.0F);
  const ScopedSchedule scoped{Schedule{}};
  const Stream stream(Device::emulated());
  emu::run_mma_tf32(a.data(), b.data(), c.data(), d.data(), stream);
  stream.view().synchronize();
  EXPECT_TRUE(std::isnan(d[0]));
  EXPECT_EQ(d[8], std::numeric_limits<float>::infinity());
  EXPECT_EQ(d[16], 0.0F);
}

}  // namespace
}  // namespace fovea
