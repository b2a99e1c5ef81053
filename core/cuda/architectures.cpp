// architectures.cpp - see architectures.h.
#include <fovea/core/cuda/architectures.h>
#include <fovea/core/cuda/backend.h>

#include <cctype>

namespace fovea {
namespace {

bool entry_runs_on(std::string_view entry, int capability) {
  if (entry == "all" || entry == "all-major") return true;
  int number = 0;
  std::size_t i = 0;
  for (; i < entry.size() && std::isdigit(static_cast<unsigned char>(entry[i])) != 0; ++i) {
    number = number * 10 + (entry[i] - '0');
  }
  if (i == 0) return false;
  const std::string_view suffix = entry.substr(i);
  const bool same_major = capability / 10 == number / 10 && capability >= number;
  if (suffix.starts_with("a")) return capability == number;
  if (suffix.starts_with("f") || suffix == "-real") return same_major;
  return capability >= number;
}

}  // namespace

bool code_runs_on(std::string_view architectures, int capability) {
  while (!architectures.empty()) {
    const std::size_t end = architectures.find_first_of(";, ");
    if (entry_runs_on(architectures.substr(0, end), capability)) return true;
    if (end == std::string_view::npos) break;
    architectures.remove_prefix(end + 1);
  }
  return false;
}

bool cuda_code_for(int capability) {
  return code_runs_on(cuda_backend::architectures(), capability);
}

}  // namespace fovea
