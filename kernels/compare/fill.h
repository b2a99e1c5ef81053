// fill.h - seeded contents of tensors. Internal. None holds a zero by accident: a kernel that
// forgets an element or reads the wrong one should not be saved by 0 * x.
#pragma once

#include <fovea/core/philox.h>
#include <fovea/kernels/compare/host_tensor.h>

#include <cstdint>
#include <functional>

namespace fovea::compare {

/// Small integers, on which every fp32 sum of products is exact, or reals in (-1, 1).
enum class Values { integers, reals };

/// What a fill may use: the kind of numbers and a random sequence of its own.
struct FillContext {
  Values values = Values::integers;
  Math math = Math::fp32;  // reals are rounded to what this mode multiplies exactly
  Philox random;
};

using Fill = std::function<void(HostTensor&, const FillContext&)>;

/// -3, -2, -1, 1, 2, 3, or reals with 0.05 <= |v| < 1.
Fill any_values();
/// 1, 2, 3 or reals in [0.05, 1).
Fill positive_values();
/// What a ReLU puts out: one in four is 0, the rest positive.
Fill relu_output();
/// Reals in (-1, 1), in either mode: what a tanh puts out.
Fill tanh_output();
/// Reals in [0.05, 1), in either mode: probabilities, as far as a kernel can tell.
Fill fractions();
/// u8: 1 .. 255.
Fill pixels();
/// i32: 0 .. classes - 1.
Fill labels(int classes);

}  // namespace fovea::compare
