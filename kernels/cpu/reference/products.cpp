// products.cpp - the two loops in which the reference, and so most tests, spend their time. Four
// fp64 lanes at a time where the CPU has them; the order of sums, and so the bits, are the same.
#include <fovea/core/widest_vectors.h>
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cstring>

namespace fovea::reference {
namespace {

using Floats = float [[gnu::vector_size(16)]];
using Doubles = double [[gnu::vector_size(32)]];

// add_products() for 4 N sums, which stay in registers while the rows go by.
template <int N>
[[gnu::always_inline]] inline void add_to_vectors(const Strided& factors, const Strided& in,
                                                  std::int64_t rows, double* sum) {
  Doubles lanes[N];
  for (int n = 0; n < N; ++n) std::memcpy(&lanes[n], sum + 4 * n, sizeof(Doubles));
  for (std::int64_t r = 0; r < rows; ++r) {
    const double factor = factors.first[r * factors.pitch];
    const float* const row = in.first + r * in.pitch;
    for (int n = 0; n < N; ++n) {
      Floats four;
      std::memcpy(&four, row + 4 * n, sizeof(four));
      lanes[n] += factor * __builtin_convertvector(four, Doubles);
    }
  }
  for (int n = 0; n < N; ++n) std::memcpy(sum + 4 * n, &lanes[n], sizeof(Doubles));
}

// For N sums.
template <int N>
[[gnu::always_inline]] inline void add_to_numbers(const Strided& factors, const Strided& in,
                                                  std::int64_t rows, double* sum) {
  double lanes[N];
  std::copy_n(sum, N, lanes);
  for (std::int64_t r = 0; r < rows; ++r) {
    const double factor = factors.first[r * factors.pitch];
    for (int n = 0; n < N; ++n) lanes[n] += factor * double{in.first[r * in.pitch + n]};
  }
  std::copy_n(lanes, N, sum);
}

}  // namespace

FOVEA_WIDEST_VECTORS double dot(const float* a, const float* b, std::int64_t count) {
  constexpr int kLanes = 8;
  double lane[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lane[l] += double{a[i + l]} * double{b[i + l]};
  }
  double sum = 0;
  for (; i < count; ++i) sum += double{a[i]} * double{b[i]};
  for (const double l : lane) sum += l;
  return sum;
}

FOVEA_WIDEST_VECTORS void add_products(const Strided& factors, const Strided& in, std::int64_t rows,
                                       std::int64_t count, double* sum) {
  std::int64_t c = 0;
  const auto of = [&](std::int64_t at) { return Strided{in.first + at, in.pitch}; };
  for (; c + 16 <= count; c += 16) add_to_vectors<4>(factors, of(c), rows, sum + c);
  for (; c + 4 <= count; c += 4) add_to_vectors<1>(factors, of(c), rows, sum + c);
  if (count - c == 3) add_to_numbers<3>(factors, of(c), rows, sum + c);
  if (count - c == 2) add_to_numbers<2>(factors, of(c), rows, sum + c);
  if (count - c == 1) add_to_numbers<1>(factors, of(c), rows, sum + c);
}

}  // namespace fovea::reference
