// winograd_baseline.cpp - Winograd's loops, 4 floats a vector; CMakeLists.txt gives the flags.
#include <fovea/kernels/cpu/onednn/winograd_body.h>

namespace fovea::onednn {

extern const WinogradLoops kWinogradBaseline;
const WinogradLoops kWinogradBaseline = kLoops<4>;

}  // namespace fovea::onednn
