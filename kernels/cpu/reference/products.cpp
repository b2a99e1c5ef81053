// products.cpp - the two loops in which the reference, and so most tests, spend their time. Four
// fp64 lanes at a time where the CPU has them; the order of sums, and so the bits, are the same.
#include <fovea/core/widest_vectors.h>
#include <fovea/kernels/cpu/reference/parts.h>

namespace fovea::reference {

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

FOVEA_WIDEST_VECTORS void add_scaled(double factor, const float* in, std::int64_t count,
                                     double* sum) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += factor * double{in[i]};
}

}  // namespace fovea::reference
