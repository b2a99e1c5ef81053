// devices_command.cpp - `fovea devices`: what works here, and for what does not, why and the fix.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/host.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

// Engines with an algorithm for the device, in the order of the registry.
std::vector<std::string> engines_on(const Registry& registry, DeviceKind kind) {
  std::vector<std::string> order;
  registry.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (const Algorithm<Op>& a : list) {
      if (contains(a.devices, kind) && std::ranges::find(order, a.engine) == order.end()) {
        order.push_back(a.engine);
      }
    }
  });
  return order;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text.empty() ? "none" : text;
}

void add_device(const CommandContext& c, Table& table, Json& json, const Device& device) {
  const DeviceInfo d = device_info(device);
  const std::vector<std::string> engines = engines_on(c.registry, device.kind());
  std::string what = d.name;
  if (device.kind() != DeviceKind::cuda) what += format(", %d threads", d.threads);
  const std::string vectors = device.kind() == DeviceKind::cuda ? "" : vector_instructions();
  if (!vectors.empty()) what += ", " + vectors;
  table.add({to_string(device), joined(engines), bytes(d.memory_bytes), what});
  json.push_back({{"device", to_string(device)},
                  {"works", true},
                  {"engines", engines},
                  {"memory_bytes", d.memory_bytes},
                  {"name", d.name},
                  {"capability", d.capability},
                  {"threads", d.threads},
                  {"instructions", vectors}});
}

// Engines with what they are; of those that do not work, why not.
void add_engines(const CommandContext& c, Table& table, Json& json) {
  const bool kernels = engines_on(c.registry, DeviceKind::emulated).size() +
                           engines_on(c.registry, DeviceKind::cuda).size() >
                       0;
  std::vector<LibraryStatus> all = {
      {"fovea", kernels,
       kernels ? "hand-written kernels, on cuda and emulated" : "neither emulator nor CUDA here"}};
  for (const LibraryStatus& library : library_status()) all.push_back(library);
  all.push_back({"simd", true, "hand-written loops, on cpu"});
  all.push_back({"reference", true, "plain loops in fp64 to compare with, on cpu"});
  for (const LibraryStatus& e : all) {
    table.add({e.engine, e.works ? "yes" : "no", e.text});
    json.push_back({{"engine", e.engine}, {"works", e.works}, {"what", e.text}});
  }
}

}  // namespace

int run_devices(const CommandContext& c) {
  Json json = {{"devices", Json::array()}, {"engines", Json::array()}};
  Table devices({"device", "engines", "memory", "what"}, 4),
      engines({"engine", "works", "what"}, 3);
  add_device(c, devices, json["devices"], Device::cpu());
  add_device(c, devices, json["devices"], Device::emulated());
  std::string no_gpu;
  for (int i = 0; no_gpu.empty(); ++i) {
    try {
      add_device(c, devices, json["devices"], Device::parse("cuda:" + std::to_string(i)));
    } catch (const Error& e) {
      if (i > 0) break;
      no_gpu = e.what();
      json["devices"].push_back({{"device", "cuda"}, {"works", false}, {"why_not", no_gpu}});
    }
  }
  add_engines(c, engines, json["engines"]);
  json["auto"] = {{"device", to_string(Device::best())}, {"why", Device::reason()}};
  if (write_json(c, json.dump(1))) return 0;
  std::fputs(devices.text().c_str(), stdout);
  if (!no_gpu.empty()) c.print("cuda      " + no_gpu);
  c.print("auto      " + to_string(Device::best()) + ": " + Device::reason());
  std::fputs(("\n" + engines.text()).c_str(), stdout);
  return 0;
}

}  // namespace fovea::cli
