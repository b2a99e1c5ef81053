// lrn.cuh - what both kinds of local response normalisation share: d^-beta.
#pragma once

#include <fovea/kernels/device/math.h>

namespace fovea::FOVEA_TARGET {

/// d^-beta for d > 0. 3/4, everybody's beta, by two square roots (each rounded once, 2 ulp in all)
/// instead of pow's hundred instructions, which would cost more time than the memory accesses.
__device__ __forceinline__ float inverse_power(float d, float beta) {
  if (beta == 0.75F) {
    const float root = sqrt(d);
    return 1.0F / (root * sqrt(root));
  }
  return pow(d, -beta);
}

}  // namespace fovea::FOVEA_TARGET
