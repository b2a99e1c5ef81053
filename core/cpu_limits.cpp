// cpu_limits.cpp - see cpu_limits.h.
#include <fovea/core/cpu_limits.h>

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace fovea {
namespace {

namespace fs = std::filesystem;

struct Mount {
  std::string root;   // the part of the hierarchy that is seen
  std::string point;  // where it is seen
};

/// Limit of `quota` microseconds of CPU time in each `period`, in CPUs rounded up; 0: none.
int cpus(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  const double n = quota / period;
  return n >= 1 << 20 ? 0 : std::max(1, static_cast<int>(n) + (n > static_cast<int>(n) ? 1 : 0));
}

int stricter(int a, int b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

double number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  return in >> value ? value : 0;
}

int limit_at(const fs::path& directory, bool v2) {
  if (!v2) {
    return cpus(number_in(directory / "cpu.cfs_quota_us"),
                number_in(directory / "cpu.cfs_period_us"));
  }
  std::ifstream in(directory / "cpu.max");
  double quota = 0;  // "max" does not parse: no limit
  double period = 0;
  return in >> quota >> period ? cpus(quota, period) : 0;
}

/// A line of mountinfo: id parent dev root point options [tags...] - type source super-options.
std::vector<Mount> mounts_of_cpu(const fs::path& root, bool v2) {
  std::vector<Mount> mounts;
  std::ifstream in(root / "proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::string skip, type, source, options;
    Mount mount;
    std::istringstream(line.substr(0, dash)) >> skip >> skip >> skip >> mount.root >> mount.point;
    std::istringstream(line.substr(dash + 3)) >> type >> source >> options;
    if (v2 ? type == "cgroup2" : type == "cgroup" && has_word(options, "cpu")) {
      mounts.push_back(mount);
    }
  }
  return mounts;
}

/// `path` of a process as seen below the mount: a container may see its own part only.
fs::path below(const Mount& mount, const std::string& path) {
  const std::string& seen = mount.root;
  if (seen == "/") return fs::path(path).relative_path();
  if (path == seen) return {};
  return path.starts_with(seen + "/") ? fs::path(path.substr(seen.size() + 1)) : fs::path();
}

int limit_of(const fs::path& root, const std::string& path, bool v2) {
  int limit = 0;
  for (const Mount& mount : mounts_of_cpu(root, v2)) {
    const fs::path top = root / fs::path(mount.point).relative_path();
    fs::path relative = below(mount, path).lexically_normal();
    if (!relative.empty() && *relative.begin() == "..") relative.clear();
    for (;; relative = relative.parent_path()) {
      limit = stricter(limit, limit_at(top / relative, v2));
      if (relative.empty()) break;
    }
  }
  return limit;
}

}  // namespace

int cgroup_cpus(const fs::path& root) {
  int limit = 0;
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) limit = stricter(limit, limit_of(root, path, true));
    if (has_word(controllers, "cpu")) limit = stricter(limit, limit_of(root, path, false));
  }
  return limit;
}

int affinity_cpus() {
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(static_cast<std::size_t>(capacity)), [](cpu_set_t* s) { CPU_FREE(s); });
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    // EINVAL: the kernel's mask is longer than ours.
    if (sched_getaffinity(0, bytes, set.get()) == 0) {
      return std::max(1, CPU_COUNT_S(bytes, set.get()));
    }
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace fovea
