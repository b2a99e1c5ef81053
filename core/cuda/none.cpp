// none.cpp - the CUDA of a build without CUDA.
#include <fovea/core/cuda/backend.h>
#include <fovea/core/error.h>

namespace fovea::cuda_backend {
namespace {

[[noreturn]] void refuse() { throw DeviceError("no cuda device: " + why_no_device()); }

}  // namespace

int device_count() noexcept { return 0; }

std::string why_no_device() {
  return "this build has no CUDA in it (install the CUDA toolkit and configure again with "
         "-DFOVEA_CUDA=ON)";
}

DeviceInfo info(int) { refuse(); }
std::string pci_bus(int) { return {}; }
std::string architectures() { return {}; }
std::unique_ptr<StreamImpl> make_stream(int) { refuse(); }
std::unique_ptr<EventImpl> make_event(int, bool) { refuse(); }
MemoryResource& memory(int) { refuse(); }
MemoryResource* pinned() noexcept { return nullptr; }

}  // namespace fovea::cuda_backend
