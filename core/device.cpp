// device.cpp - choosing and describing devices.
#include <fovea/core/cuda/architectures.h>
#include <fovea/core/cuda/backend.h>
#include <fovea/core/device.h>
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>

#include <unistd.h>

#include <charconv>
#include <fstream>

namespace fovea {
namespace {

/// Empty where the build has code for GPU `index`, else what is missing and how to get it.
std::string why_no_code(int index) {
  const DeviceInfo card = cuda_backend::info(index);
  if (cuda_code_for(card.capability)) return {};
  const std::string capability = std::to_string(card.capability);
  return to_string(card.device) + " is " + card.name + " of compute capability " + capability +
         ", and this build has code for " + cuda_backend::architectures() +
         " only: configure with -DFOVEA_CUDA_ARCHITECTURES=" + capability + "-real";
}

struct Choice {
  Device device;
  std::string reason;
};

Choice choose() {
  const int count = cuda_backend::device_count();
  if (count == 0) return {Device::cpu(), cuda_backend::why_no_device()};
  std::string refused;
  for (int i = 0; i < count; ++i) {
    const std::string why_not = why_no_code(i);
    if (why_not.empty()) return {Device::cuda(i), "first GPU that this build has code for"};
    refused += (refused.empty() ? "" : "; ") + why_not;
  }
  return {Device::cpu(), refused};
}

Device parse_cuda(std::string_view text) {
  int index = 0;
  if (text != "cuda") {
    const std::string_view digits = text.substr(5);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (status != std::errc{} || end != digits.data() + digits.size() || index < 0) {
      throw InvalidArgument("device '" + std::string(text) +
                            "': a GPU is named cuda:0, cuda:1, ...");
    }
  }
  const int count = cuda_backend::device_count();
  if (count == 0) {
    throw InvalidArgument("device '" + std::string(text) + "': " + cuda_backend::why_no_device());
  }
  if (index >= count) {
    throw InvalidArgument("device '" + std::string(text) + "': this machine has " +
                          std::to_string(count) +
                          " GPU(s), cuda:0 to cuda:" + std::to_string(count - 1));
  }
  if (const std::string why_not = why_no_code(index); !why_not.empty()) {
    throw InvalidArgument("device '" + std::string(text) + "': " + why_not);
  }
  return Device::cuda(index);
}

std::string cpu_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

std::size_t system_value(int name) {
  const long value = sysconf(name);
  return value > 0 ? static_cast<std::size_t>(value) : 0;
}

DeviceInfo host_info(const Device& device) {
  DeviceInfo info;
  info.device = device;
  info.name = cpu_name();
  info.l2_bytes = system_value(_SC_LEVEL2_CACHE_SIZE);
  info.memory_bytes = system_value(_SC_PHYS_PAGES) * system_value(_SC_PAGESIZE);
  info.threads = available_threads();
  return info;
}

}  // namespace

Device Device::best() noexcept {
  try {
    return choose().device;
  } catch (...) {  // a GPU that cannot even be asked is not usable
    return cpu();
  }
}

std::string Device::reason() {
  try {
    return choose().reason;
  } catch (const std::exception& e) {
    return std::string("the GPU cannot be asked: ") + e.what();
  }
}

Device Device::parse(std::string_view text) {
  if (text == "auto") return best();
  if (text == "cpu") return cpu();
  if (text == "emulated") return emulated();
  if (text == "cuda" || text.starts_with("cuda:")) return parse_cuda(text);
  throw InvalidArgument("device '" + std::string(text) +
                        "': known are auto, cpu, emulated, cuda and cuda:N");
}

std::string to_string(const Device& d) {
  switch (d.kind()) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::emulated:
      return "emulated";
    case DeviceKind::cuda:
      return "cuda:" + std::to_string(d.index());
  }
  return "?";
}

DeviceInfo device_info(const Device& d) {
  if (d.kind() == DeviceKind::cuda) {
    const int count = cuda_backend::device_count();
    if (d.index() < 0 || d.index() >= count) {
      throw InvalidArgument(to_string(d) + " is not there: " +
                            (count == 0 ? cuda_backend::why_no_device()
                                        : "this machine has " + std::to_string(count) + " GPU(s)"));
    }
    return cuda_backend::info(d.index());
  }
  DeviceInfo info = host_info(d);
  if (d.kind() == DeviceKind::emulated) {
    // The least card we target: what runs within these limits runs on every later one.
    info.name = "emulated GPU on " + info.name;
    info.capability = 80;
    info.multiprocessors = 4;
    info.shared_bytes_per_block = 99 * 1024;  // sm_86 and sm_89; sm_80 has more
    info.l2_bytes = std::size_t{4} << 20;
  }
  return info;
}

}  // namespace fovea
