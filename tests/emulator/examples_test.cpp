// examples_test.cpp - whole kernels on the emulator, under every schedule.
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/emulator/kernels/examples.h>
#include <fovea/tests/emulator/schedules.h>

#include <gtest/gtest.h>

#include <vector>

namespace fovea {
namespace {

std::vector<float> small_integers(std::size_t count, int seed) {
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = static_cast<float>((i * 37 + seed) % 11) - 5;
  return v;
}

class Examples : public testing::TestWithParam<Schedule> {
 protected:
  ScopedSchedule schedule_{GetParam()};
  Stream stream_{Device::emulated()};
};

TEST_P(Examples, Saxpy) {
  for (const int n : {1, 255, 256, 1000}) {
    const auto x = small_integers(n, 1);
    auto y = small_integers(n, 2);
    const auto before = y;
    emu::run_saxpy(3, x.data(), y.data(), n, stream_);
    EXPECT_EQ(y, before) << "a lazy stream runs nothing before somebody waits";
    stream_.view().synchronize();
    for (int i = 0; i < n; ++i) ASSERT_EQ(y[i], 3 * x[i] + before[i]) << i;
  }
}

TEST_P(Examples, RowSums) {
  const int rows = 5, columns = 333;
  const auto x = small_integers(rows * columns, 3);
  std::vector<float> sums(rows), expected(rows);
  for (int i = 0; i < rows * columns; ++i) expected[i / columns] += x[i];
  emu::run_row_sums(x.data(), sums.data(), rows, columns, stream_);
  stream_.view().synchronize();
  EXPECT_EQ(sums, expected);
}

TEST_P(Examples, Gemm) {
  const int m = 130, n = 140, k = 37;
  const auto a = small_integers(m * k, 1), b = small_integers(k * n, 2);
  std::vector<float> c(m * n), expected(m * n);
  for (int i = 0; i < m; ++i) {
    for (int l = 0; l < k; ++l) {
      for (int j = 0; j < n; ++j) expected[i * n + j] += a[i * k + l] * b[l * n + j];
    }
  }
  emu::run_gemm(a.data(), b.data(), c.data(), m, n, k, stream_);
  stream_.view().synchronize();
  EXPECT_EQ(c, expected);
}

INSTANTIATE_TEST_SUITE_P(Schedules, Examples, testing::ValuesIn(all_schedules()), schedule_name);

}  // namespace
}  // namespace fovea
