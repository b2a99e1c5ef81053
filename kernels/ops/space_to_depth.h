// space_to_depth.h - which convolutions can be folded, and to what: u x v pixels of c channels
// become one of u v c, so that a stride goes and channels fill vectors. Plain host functions.
//   xs[n, i, j, (a, b, c)] = x[n, u i + a - padding, v j + b - padding', c]   0 in the padding
//   ws[k, i, j, (a, b, c)] = w[k, u i + a, v j + b, c]                        0 behind the filter
//   y = the convolution of xs by ws: no stride, no padding
#pragma once

#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/fold_weights.h>

#include <cstdint>

namespace fovea {

/// `p` on pixels of u v c channels: no stride, and the padding is part of the image. x and w of the
/// result are xs and ws.
inline ConvProblem folded(ConvProblem p) {
  const int rows = (p.r + p.u - 1) / p.u, columns = (p.s + p.v - 1) / p.v;
  const int height = p.p() + rows - 1, width = p.q() + columns - 1;
  p.c *= p.u * p.v;
  p.h = height;
  p.w = width;
  p.r = rows;
  p.s = columns;
  p.u = p.v = 1;
  p.ph = p.pw = {};
  p.s2d = false;
  return p;
}

/// How ws is made of w.
inline FoldWeightsProblem folding_of_weights(const ConvProblem& p) {
  return {.k = p.k, .c = p.c, .r = p.r, .s = p.s, .u = p.u};
}
/// w as forward reads it.
inline Shape forward_w_shape(const ConvProblem& p) {
  return p.s2d ? folded(p).w_shape() : p.w_shape();
}

/// Declines what gains nothing by it, and what it is not written for.
inline Verdict can_fold(const ConvProblem& p) {
  if (p.u != p.v || (p.u != 2 && p.u != 4)) return Verdict::no("needs a stride of 2 or 4");
  if (p.groups != 1) return Verdict::no("groups");
  if (p.dh != 1 || p.dw != 1) return Verdict::no("dilation");
  if (p.c % 4 == 0) return Verdict::no("channels fill vectors as they are");
  const Shape x = folded(p).x_shape();
  if (x.elements() >= std::int64_t{1} << 31) {
    return Verdict::no("folded, x has 2^31 elements or more");
  }
  return {};
}

}  // namespace fovea
