#include <fovea/kernels/cpu/onednn/winograd_loops.h>

namespace fovea::onednn {

// Each of a file of its own.
extern const WinogradLoops kWinogradBaseline, kWinogradAvx2, kWinogradAvx512;

const WinogradLoops& winograd_loops(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return kWinogradAvx512;
    case Isa::avx2:
      return kWinogradAvx2;
    case Isa::baseline:
      break;
  }
  return kWinogradBaseline;
}

}  // namespace fovea::onednn
