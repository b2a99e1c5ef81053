// card_state.cpp - see card_state.h. Signatures: "NVML API Reference Guide", NVIDIA.
#include <fovea/core/cuda/backend.h>
#include <fovea/kernels/compare/card_state.h>
#include <fovea/kernels/compare/measure.h>

#include <dlfcn.h>

namespace fovea::compare {
namespace {

constexpr int kSuccess = 0;
constexpr int kSmClock = 1;  // NVML_CLOCK_SM

/// The library, started once and kept until the process ends.
struct Management {
  using Handle = void*;
  int (*init)() = nullptr;
  int (*find)(const char* bus, Handle*) = nullptr;
  int (*clock)(Handle, int type, unsigned* mhz) = nullptr;
  int (*power)(Handle, unsigned* milliwatts) = nullptr;
  int (*driver)(char* text, unsigned length) = nullptr;
  bool works = false;

  Management() {
    void* library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const auto load = [library](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      return function != nullptr;
    };
    works = load(init, "nvmlInit_v2") && load(find, "nvmlDeviceGetHandleByPciBusId_v2") &&
            load(clock, "nvmlDeviceGetClockInfo") &&
            load(power, "nvmlDeviceGetEnforcedPowerLimit") &&
            load(driver, "nvmlSystemGetDriverVersion") && init() == kSuccess;
  }
};

}  // namespace

CardState card_state(const Device& device) {
  CardState s;
  if (device.kind() != DeviceKind::cuda) return s;
  static const Management management;
  if (!management.works) return s;
  char text[96] = "";
  if (management.driver(text, sizeof(text)) == kSuccess) s.driver = text;
  Management::Handle card = nullptr;
  const std::string bus = cuda_backend::pci_bus(device.index());
  if (bus.empty() || management.find(bus.c_str(), &card) != kSuccess) return s;
  unsigned value = 0;
  if (management.clock(card, kSmClock, &value) == kSuccess) s.clock_mhz = value;
  if (management.power(card, &value) == kSuccess) s.power_limit_w = value / 1000.0;
  return s;
}

double clock_mhz(const Device& device) { return card_state(device).clock_mhz; }

}  // namespace fovea::compare
