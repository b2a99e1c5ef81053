#include <fovea/cli/machine.h>
#include <fovea/cli/version.h>
#include <fovea/kernels/registry/registry.h>

#include <ctime>
#include <sstream>

namespace fovea::cli {

std::string version_of(const std::string& word) {
  std::istringstream lines(version_text());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(word)) continue;
    return line.substr(line.find_first_not_of(' ', word.size()));
  }
  return "";
}

compare::Machine machine_here(const Device& device) {
  compare::Machine m = compare::machine_of(device);
  m.cuda = version_of("CUDA");
  for (const LibraryStatus& l : library_status(device)) {
    if (l.works && l.engine == "onednn") m.onednn = l.text;
    if (l.works && l.engine == "cudnn") m.cudnn = l.text;
  }
  return m;
}

std::string utc_now() {
  const std::time_t t = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&t, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace fovea::cli
