// runtime.cpp - the GPUs that the CUDA runtime shows, and the words of its errors.
#include <fovea/core/cuda/backend.h>
#include <fovea/core/cuda/check.h>
#include <fovea/core/thread_pool.h>

namespace fovea {

std::string StatusTraits<cudaError_t>::text(cudaError_t status) {
  std::string words = std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
  switch (status) {  // CUDA Runtime API, cudaError: "the process must be terminated and relaunched"
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
      return words + "; the GPU's context is lost, the process must restart";
    default:
      return words;
  }
}

namespace cuda_backend {
namespace {

struct Found {
  int count = 0;
  cudaError_t status = cudaSuccess;
};

/// Asked once: neither driver nor cards come and go under a running process.
const Found& found() noexcept {
  static const Found cards = [] {
    Found f;
    f.status = cudaGetDeviceCount(&f.count);
    if (f.status != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      f.count = 0;
    }
    return f;
  }();
  return cards;
}

}  // namespace

int device_count() noexcept { return found().count; }

std::string why_no_device() {
  const cudaError_t status = found().status;
  if (status == cudaErrorInsufficientDriver) {
    return "NVIDIA's driver is missing or older than this build's CUDA " +
           std::to_string(CUDART_VERSION / 1000) + "." +
           std::to_string(CUDART_VERSION % 1000 / 10) + " (install or update it)";
  }
  if (status == cudaErrorNoDevice || status == cudaSuccess) {
    return "NVIDIA's driver shows no GPU (see nvidia-smi and CUDA_VISIBLE_DEVICES)";
  }
  return "CUDA does not start: " + StatusTraits<cudaError_t>::text(status);
}

DeviceInfo info(int index) {
  cudaDeviceProp card{};
  FOVEA_TRY(cudaGetDeviceProperties(&card, index));
  DeviceInfo d;
  d.device = Device::cuda(index);
  d.name = card.name;
  d.capability = 10 * card.major + card.minor;
  d.multiprocessors = card.multiProcessorCount;
  d.shared_bytes_per_block = card.sharedMemPerBlockOptin;
  d.l2_bytes = static_cast<std::size_t>(card.l2CacheSize);
  d.memory_bytes = card.totalGlobalMem;
  d.threads = available_threads();
  return d;
}

std::string pci_bus(int index) {
  char bus[32] = "";
  return cudaDeviceGetPCIBusId(bus, sizeof(bus), index) == cudaSuccess ? bus : "";
}

std::string architectures() { return FOVEA_CUDA_ARCHITECTURE_LIST; }

}  // namespace cuda_backend
}  // namespace fovea
