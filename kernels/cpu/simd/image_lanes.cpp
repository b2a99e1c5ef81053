#include <fovea/kernels/cpu/simd/image_lanes.h>

namespace fovea::simd {

// Each of a file of its own.
extern const LaneLoops kLanesAvx2, kLanesAvx512;

const LaneLoops* lane_loops(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return &kLanesAvx512;
    case Isa::avx2:
      return &kLanesAvx2;
    case Isa::baseline:
      break;
  }
  return nullptr;
}

}  // namespace fovea::simd
