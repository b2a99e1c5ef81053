#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/registry/orders.h>

namespace fovea {

std::function<void(const std::function<void(const std::string& order)>&)> other_orders(
    const Device& device) {
  if (device.kind() != DeviceKind::emulated) return {};
  return [](const std::function<void(const std::string& order)>& f) {
    for (const Schedule& s : all_schedules()) {
      // Matrix operations of the emulator are synchronous: half of the product is the other half.
      if (s == Schedule{} || s.copies != s.matrix) continue;
      const ScopedSchedule scoped(s);
      f("threads " + to_string(s));
    }
  };
}

}  // namespace fovea
