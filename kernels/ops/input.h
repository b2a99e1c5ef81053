// input.h - pictures to numbers: uint8 NHWC images, cropped, mirrored, normalised.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstdint>
#include <string>

namespace fovea {

/// Which crop of a stored picture becomes the input.
enum class View : std::uint8_t {
  random,  // offset and mirror drawn per image: training
  centre,
  top_left,
  top_right,
  bottom_left,
  bottom_right  // of the ten views of the 2012 test
};

/// y[m,i,j,c] = (x[m, i + top, j' + left, c] - mean) * scale[c], with j' = j, or out_w - 1 - j
/// where mirrored; a mean of [out_h,out_w,c] is indexed by (i, j, c). Cells that fall into the
/// `pad` zeros around the picture give 0. Random views: with m' = state->first_row + m, bits =
/// Philox{state->seed, stream_key(Purpose::crop, 0, state->step)}(m'): top = uniform_below(bits[0],
/// h + 2 pad - out_h + 1) - pad, left likewise from bits[1], mirrored iff `mirror` and bits[2] is
/// odd. Other views are mirrored iff `mirror`; `centre` rounds its offset in the padded picture
/// down.
struct FOVEA_API InputProblem {
  int n = 0, h = 0, w = 0, c = 0;  // stored pictures
  int out_h = 0, out_w = 0;        // what the net sees
  int pad = 0;                     // zeros (after normalising) around the picture before cropping
  View view = View::centre;
  bool mirror = false;
  Shape x_shape() const { return {n, h, w, c}; }
  Shape y_shape() const { return {n, out_h, out_w, c}; }
  friend constexpr bool operator==(const InputProblem&, const InputProblem&) = default;
};
FOVEA_API void validate(const InputProblem& p);
FOVEA_API std::string to_string(const InputProblem& p, bool canonical = false);

struct InputCast {
  using Problem = InputProblem;
  static constexpr std::string_view kName = "input";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;            // u8 [n,h,w,c]
    TensorView mean, scale;  // f32 [c] or [out_h,out_w,c]; f32 [c]
    TensorView y;            // f32 or bf16 [n,out_h,out_w,c]
    Context context;
  };
};

}  // namespace fovea
