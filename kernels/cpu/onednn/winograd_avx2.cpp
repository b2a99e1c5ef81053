// winograd_avx2.cpp - Winograd's loops, 8 floats a vector; CMakeLists.txt gives the flags.
#include <fovea/kernels/cpu/onednn/winograd_body.h>

namespace fovea::onednn {

extern const WinogradLoops kWinogradAvx2;
const WinogradLoops kWinogradAvx2 = kLoops<8>;

}  // namespace fovea::onednn
