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

/// Format s2d2 or s2d4 of a result (layout.h), for the convolution that reads it
/// (space_to_depth.h): `by` x `by` pixels become one of as many times the channels, `rows` x
/// `columns` of these, with `top` and `left` zeros of the convolution's padding before the first
/// row and column.
struct InputFold {
  int by = 1;  // 1: as it is
  int top = 0, left = 0, rows = 0, columns = 0;
  friend constexpr bool operator==(const InputFold&, const InputFold&) = default;
};

/// y[m,i,j,c] = (x[m, i + top, j' + left, c] - mean) * scale[c], with j' = j, or out_w - 1 - j
/// where mirrored; a mean of [out_h,out_w,c] is indexed by (i, j, c). Cells that fall into the
/// `pad` zeros around the picture give 0. Random views: with m' = state->first_row + m, bits =
/// Philox{state->seed, stream_key(Purpose::crop, 0, state->step)}(m'): top = uniform_below(bits[0],
/// h + 2 pad - out_h + 1) - pad, left likewise from bits[1], mirrored iff `mirror` and bits[2] is
/// odd. Other views are mirrored iff `mirror`; `centre` rounds its offset in the padded picture
/// down. Folded, y[m,i,j,(a,b,c)] is that of row by i + a - top, column by j + b - left, and 0
/// outside.
struct FOVEA_API InputProblem {
  int n = 0, h = 0, w = 0, c = 0;  // stored pictures
  int out_h = 0, out_w = 0;        // what the net sees
  int pad = 0;                     // zeros (after normalising) around the picture before cropping
  View view = View::centre;
  bool mirror = false;
  InputFold fold = {};
  Shape x_shape() const { return {n, h, w, c}; }
  Shape y_shape() const {
    if (fold.by > 1) return {n, fold.rows, fold.columns, fold.by * fold.by * c};
    return {n, out_h, out_w, c};
  }
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
    TensorView y;            // f32 or bf16 [n,out_h,out_w,c], or folded
    Context context;
  };
};

}  // namespace fovea
