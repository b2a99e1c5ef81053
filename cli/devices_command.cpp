// devices_command.cpp - `fovea devices`: what works here, and for what does not, why and the fix.
#include <fovea/cli/context.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>

#include <algorithm>

namespace fovea::cli {
namespace {

// Engines with an algorithm for the device, in the order of the registry.
std::string engines_on(const Registry& registry, DeviceKind kind) {
  std::vector<std::string> order;
  registry.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (const Algorithm<Op>& a : list) {
      if (contains(a.devices, kind) && std::ranges::find(order, a.engine) == order.end()) {
        order.push_back(a.engine);
      }
    }
  });
  std::string text;
  for (const std::string& e : order) text += (text.empty() ? "" : ", ") + e;
  return text.empty() ? "none" : text;
}

void print_device(const CommandContext& c, Table& table, const Device& device) {
  const DeviceInfo d = device_info(device);
  std::string what = d.name;
  if (device.kind() != DeviceKind::cuda) what += format(", %d threads", d.threads);
  table.add(
      {to_string(device), engines_on(c.registry, device.kind()), bytes(d.memory_bytes), what});
}

}  // namespace

int run_devices(const CommandContext& c) {
  Table table({"device", "engines", "memory", "what"}, 4);
  print_device(c, table, Device::cpu());
  print_device(c, table, Device::emulated());
  std::string no_gpu;
  for (int i = 0; no_gpu.empty(); ++i) {
    try {
      print_device(c, table, Device::parse("cuda:" + std::to_string(i)));
    } catch (const Error& e) {
      if (i == 0) no_gpu = e.what();
      break;
    }
  }
  std::fputs(table.text().c_str(), stdout);
  if (!no_gpu.empty()) c.print("cuda      " + no_gpu);
  for (const LibraryStatus& library : library_status()) {
    c.print(format("%-10s", library.engine.c_str()) + library.text);
  }
  c.print("auto      " + to_string(Device::best()) + ": " + Device::reason());
  return 0;
}

}  // namespace fovea::cli
