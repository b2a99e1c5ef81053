// fold_weights.h - filters in the order in which a first convolution reads them: derived weights.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <string>

namespace fovea {

/// ws[k,i,j,(a,b,c)] = w[k, u i + a, u j + b, c], and 0 behind the filter's end: the w of
/// space_to_depth.h.
struct FOVEA_API FoldWeightsProblem {
  int k = 0, c = 0, r = 0, s = 0;  // filters, channels, filter height and width
  int u = 1;                       // the convolution's stride both ways, 2 or 4
  Shape w_shape() const { return {k, r, s, c}; }
  Shape ws_shape() const { return {k, (r + u - 1) / u, (s + u - 1) / u, u * u * c}; }
  friend constexpr bool operator==(const FoldWeightsProblem&, const FoldWeightsProblem&) = default;
};
/// Throws InvalidArgument for an extent below 1, another u, 2^31 elements or more.
FOVEA_API void validate(const FoldWeightsProblem& p);
/// "k96c3r11u4".
FOVEA_API std::string to_string(const FoldWeightsProblem& p, bool canonical = false);

struct FoldWeights {
  using Problem = FoldWeightsProblem;
  static constexpr std::string_view kName = "fold_weights";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView w;   // f32 or bf16 [k,r,s,c]
    TensorView ws;  // of w's type, [k,ceil(r/u),ceil(s/u),u u c]
    Context context;
  };
};

}  // namespace fovea
