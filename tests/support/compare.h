// compare.h - element by element, with the first difference in words.
#pragma once

#include <fovea/tests/support/host_tensor.h>

#include <string>
#include <vector>

namespace fovea::test {

/// "" where got equals want to the bit of their values (0 equals -0, NaN equals NaN), or else how
/// many elements differ and the first of them.
std::string differences(const HostTensor& got, const HostTensor& want);

/// As above, with |got - want| up to tolerance[i] allowed in fp32 tensors; others must be equal.
std::string differences(const HostTensor& got, const HostTensor& want,
                        const std::vector<double>& tolerance);

/// Share of elements that are zero.
double zeros(const HostTensor& t);

}  // namespace fovea::test
