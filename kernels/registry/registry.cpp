// registry.cpp - what this build has, written out by hand: nothing registers itself, so that a
// static link loses nothing. The FOVEA_HAS_* definitions are this folder's alone (CMakeLists.txt);
// a discarded branch needs no definition of the function it names.
#include <fovea/kernels/cpu/onednn/onednn.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/cpu/simd/simd.h>
#include <fovea/kernels/cuda/algorithms.h>
#include <fovea/kernels/cudnn/cudnn.h>
#include <fovea/kernels/registry/in_nchw.h>
#include <fovea/kernels/registry/registry.h>

namespace fovea {
namespace {

constexpr bool kHasOneDnn = FOVEA_HAS_ONEDNN;
constexpr bool kHasEmulator = FOVEA_HAS_EMULATOR;
constexpr bool kHasCounted = FOVEA_HAS_COUNTED;
constexpr bool kHasCuda = FOVEA_HAS_CUDA;
constexpr bool kHasCudnn = FOVEA_HAS_CUDNN;

LibraryStatus onednn_library() {
  LibraryStatus onednn{"onednn", kHasOneDnn,
                       "not in this build (install libdnnl-dev, configure again)"};
  if constexpr (kHasOneDnn) onednn.text = "oneDNN " + onednn_version();
  return onednn;
}

// Opens the library where nothing has yet.
LibraryStatus cudnn_library() {
  LibraryStatus cudnn{"cudnn", false, {}};
  if constexpr (kHasCudnn) {
    const CudnnStatus status = cudnn_status();
    cudnn = {"cudnn", status.works, status.text};
  } else if constexpr (kHasCuda) {
    cudnn.text = "not in this build (install the headers of cuDNN 9.2 or later, configure again)";
  } else {
    cudnn.text = "not in this build, which has no CUDA";
  }
  return cudnn;
}

}  // namespace

Registry default_registry() {
  Registry registry;
  add_simd_algorithms(registry);
  if constexpr (kHasOneDnn) add_onednn_algorithms(registry);
  add_reference_algorithms(registry);
  if constexpr (kHasEmulator) emu::add_algorithms(registry);
  if constexpr (kHasCuda) gpu::add_algorithms(registry);
  if constexpr (kHasCudnn) {
    Registry on_nchw;
    add_cudnn_algorithms(registry, &on_nchw);
    add_converted(on_nchw, registry);
  }
  return registry;
}

Registry counting_registry() {
  Registry registry;
  if constexpr (kHasCounted) emu_counted::add_algorithms(registry);
  return registry;
}

std::vector<LibraryStatus> library_status() { return {onednn_library(), cudnn_library()}; }

std::vector<LibraryStatus> library_status(const Device& device) {
  if (device.kind() != DeviceKind::cuda) return {onednn_library()};
  return library_status();
}

}  // namespace fovea
