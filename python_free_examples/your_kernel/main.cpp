// main.cpp - the `fovea` command with the two kernels of kernels.cu in its lists, as engine "mine":
//
//   $ your_kernel compare --device emulated --suite shapes.txt --algo 'mine,fovea:*'
//   $ your_kernel compare --suite alexnet-2012 --algo 'mine,fovea:*,cudnn:*'     where a GPU is
#include <fovea/cli/command_main.h>

#include <vector>

namespace your_kernel {
namespace emu {
std::vector<fovea::ConvAlgorithm> algorithms();
}
namespace gpu {
std::vector<fovea::ConvAlgorithm> algorithms();
}
}  // namespace your_kernel

int main(int argc, char** argv) {
  std::vector<fovea::ConvAlgorithm> mine = your_kernel::emu::algorithms();
#ifdef FOVEA_KERNELS_ON_CUDA
  for (const fovea::ConvAlgorithm& a : your_kernel::gpu::algorithms()) mine.push_back(a);
#endif
  return fovea::command_main(argc, argv, {.convolutions = mine});
}
