// update.h - the optimiser's step over all parameters in one launch, and the check before it.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstdint>
#include <string>

namespace fovea {

/// Parameters lie in one block, each padded to this many elements.
inline constexpr std::int64_t kParameterAlignment = 64;

/// One parameter in the block; the table lies in device memory, in ascending or descending order of
/// offsets. Trivially copyable.
struct Segment {
  std::int64_t offset = 0, length = 0;  // elements
  float rate = 1.0F;                    // times the learning rate
  float decay = 0.0F;                   // weight decay of this parameter
  std::int32_t frozen = 0;              // 1: left alone
  std::int32_t bf16_gradient = 0;       // 1: `length` bf16 from the place of the first element on
};
static_assert(sizeof(Segment) == 32);

struct FOVEA_API UpdateProblem {
  std::int64_t count = 0;  // elements of the block, a multiple of kParameterAlignment
  int segments = 0;
  float momentum = 0.9F;
  friend constexpr bool operator==(const UpdateProblem&, const UpdateProblem&) = default;
};
FOVEA_API std::string to_string(const UpdateProblem& p, bool canonical = false);

/// Krizhevsky et al. 2012, section 5, with e = state->learning_rate * rate:
///   v <- momentum v - e (decay w + g),   w <- w + v
/// and copies <- w rounded to bf16 where there are copies: the weights as kernels read them in math
/// mode bf16. Nothing happens where state->nonfinite is set.
struct SgdUpdate {
  using Problem = UpdateProblem;
  static constexpr std::string_view kName = "sgd";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView gradient, segments;  // f32 [count]; u8 [segments * sizeof(Segment)]
    TensorView weights, velocity;   // f32 [count], both changed
    TensorView copies;              // bf16 [count], written; or absent
    Context context;
  };
};

/// Sets state->nonfinite to 1 where an element of the gradients is NaN or infinite.
struct FiniteCheck {
  using Problem = UpdateProblem;
  static constexpr std::string_view kName = "finite_check";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView gradient, segments;  // as SgdUpdate's
    Context context;
  };
};

}  // namespace fovea
