// image_lanes_avx2.cpp - image_lanes.h's loops, 8 images a vector; CMakeLists.txt gives the flags.
#include <fovea/kernels/cpu/simd/image_lanes_body.h>

namespace fovea::simd {

extern const LaneLoops kLanesAvx2;
const LaneLoops kLanesAvx2 = kLoops<8>;

}  // namespace fovea::simd
