// backend.h - what core needs of CUDA. Two files implement it, and the build links one of them:
// the CUDA runtime's, or none.cpp, which says that there is no GPU. Not for users of the library.
#pragma once

#include <fovea/core/device.h>
#include <fovea/core/memory_resource.h>
#include <fovea/core/stream_impl.h>

#include <memory>
#include <string>

namespace fovea::cuda_backend {

/// GPUs that the driver shows; 0 where there is no driver, no GPU or no CUDA in this build.
int device_count() noexcept;
/// Why device_count() is 0: one clause with what to do about it.
std::string why_no_device();
/// Description of GPU `index` in [0, device_count()).
DeviceInfo info(int index);
/// Where GPU `index` sits, as "0000:3b:00.0"; empty where that is not known.
std::string pci_bus(int index);
/// Architectures that the build's kernels were compiled for, as CMake spells them: "80-real;...".
std::string architectures();

// These throw DeviceError, with why_no_device() in it where there is none.
std::unique_ptr<StreamImpl> make_stream(int index);
std::unique_ptr<EventImpl> make_event(int index, bool timed);
MemoryResource& memory(int index);
/// nullptr where there is no GPU.
MemoryResource* pinned() noexcept;

}  // namespace fovea::cuda_backend
