// image_lanes_avx512.cpp - image_lanes.h's loops, 16 images a vector; CMakeLists.txt gives the
// flags.
#include <fovea/kernels/cpu/simd/image_lanes_body.h>

namespace fovea::simd {

extern const LaneLoops kLanesAvx512;
const LaneLoops kLanesAvx512 = kLoops<16>;

}  // namespace fovea::simd
