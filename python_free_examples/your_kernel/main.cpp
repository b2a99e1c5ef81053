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
namespace emu_counted {
std::vector<fovea::ConvAlgorithm> algorithms();
}
namespace gpu {
std::vector<fovea::ConvAlgorithm> algorithms();
}
}  // namespace your_kernel

int main(int argc, char** argv) {
  fovea::CommandAdditions mine{.convolutions = your_kernel::emu::algorithms()};
#ifdef FOVEA_KERNELS_COUNTED
  mine.counted = your_kernel::emu_counted::algorithms();
#endif
#ifdef FOVEA_KERNELS_ON_CUDA
  for (const fovea::ConvAlgorithm& a : your_kernel::gpu::algorithms()) {
    mine.convolutions.push_back(a);
  }
#endif
  return fovea::command_main(argc, argv, mine);
}
