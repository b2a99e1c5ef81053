// difference.h - two tensors element by element, with the first difference in words. Internal.
#pragma once

#include <fovea/kernels/compare/host_tensor.h>

#include <cstddef>
#include <string>
#include <vector>

namespace fovea::compare {

/// How a tensor differs from what it should be.
struct Difference {
  std::size_t count = 0, of = 0;  // elements that differ by more than is allowed, of so many
  std::string first;              // the first of them: "[2,0,13,5]"
  double got = 0, want = 0;       // its values
  double max_abs = 0;             // the largest |got - want| of all elements; infinite beside a NaN
  double bound_ratio = 0;  // the largest |got - want| over what is allowed; 0 where all are equal
  explicit operator bool() const { return count != 0; }
};

/// "[2,0,13,5]": where element `at` lies.
std::string place(const Shape& shape, std::size_t at);

/// Compares to the bit of the values (0 equals -0, NaN equals NaN).
Difference difference(const HostTensor& got, const HostTensor& want);
/// As above, with |got - want| up to tolerance[i] allowed in fp32 tensors; others must be equal.
Difference difference(const HostTensor& got, const HostTensor& want,
                      const std::vector<double>& tolerance);

/// "" for no difference, else how many elements differ and the first of them.
std::string to_string(const Difference& d);

inline std::string differences(const HostTensor& got, const HostTensor& want) {
  return to_string(difference(got, want));
}
inline std::string differences(const HostTensor& got, const HostTensor& want,
                               const std::vector<double>& tolerance) {
  return to_string(difference(got, want, tolerance));
}

/// Share of elements that are zero.
double zeros(const HostTensor& t);

}  // namespace fovea::compare
