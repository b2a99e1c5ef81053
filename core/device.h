// device.h - where tensors live.
#pragma once

#include <fovea/core/api.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace fovea {

/// cpu: the host. cuda: an NVIDIA GPU. emulated: the host playing CUDA's execution model, for
/// running and testing the CUDA kernels where there is no GPU.
enum class DeviceKind { cpu, cuda, emulated };

/// A device as a value.
class FOVEA_API Device {
 public:
  constexpr Device() = default;  // the CPU
  static constexpr Device cpu() { return {}; }
  static constexpr Device emulated() { return Device(DeviceKind::emulated, 0); }
  static constexpr Device cuda(int index = 0) { return Device(DeviceKind::cuda, index); }

  /// The first GPU that this build has code for, else the CPU. Never throws, never `emulated`.
  static Device best() noexcept;
  /// Why best() chose what it chose: one clause, for people.
  static std::string reason();
  /// "auto" (best()), "cpu", "emulated", "cuda", "cuda:1". Throws InvalidArgument otherwise, and
  /// for a GPU that is not there or that this build has no code for, with the reason.
  static Device parse(std::string_view text);

  constexpr DeviceKind kind() const { return kind_; }
  constexpr int index() const { return index_; }
  /// Whether the host can read and write this device's memory directly.
  constexpr bool host_accessible() const { return kind_ != DeviceKind::cuda; }
  friend constexpr bool operator==(const Device&, const Device&) = default;

 private:
  constexpr Device(DeviceKind kind, int index) : kind_{kind}, index_{index} {}
  DeviceKind kind_ = DeviceKind::cpu;
  int index_ = 0;
};

/// "cpu", "emulated", "cuda:0".
FOVEA_API std::string to_string(const Device& d);

/// What an algorithm may ask about a device. Fixed for a device; tests make their own.
struct DeviceInfo {
  Device device;
  std::string name;         // "Intel Xeon ...", "NVIDIA H100 80GB HBM3"
  int capability = 0;       // 90 for 9.0; 0 on cpu. emulated: 80, the least we target
  int multiprocessors = 0;  // SMs; 0 on cpu
  std::size_t shared_bytes_per_block = 0;  // with opt-in; 0 on cpu
  std::size_t l2_bytes = 0;
  std::size_t memory_bytes = 0;
  int threads = 1;  // host threads for cpu and emulated
};

/// Description of a device. Throws InvalidArgument for a GPU that is not there.
FOVEA_API DeviceInfo device_info(const Device& d);

}  // namespace fovea
