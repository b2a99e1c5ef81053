// winograd_avx512.cpp - Winograd's loops, 16 floats a vector; CMakeLists.txt gives the flags.
#include <fovea/kernels/cpu/onednn/winograd_body.h>

namespace fovea::onednn {

extern const WinogradLoops kWinogradAvx512;
const WinogradLoops kWinogradAvx512 = kLoops<16>;

}  // namespace fovea::onednn
