// cpu_limits.h - CPUs a process may use: affinity and cgroup quota. Internal.
#pragma once

#include <fovea/core/api.h>

#include <filesystem>

namespace fovea {

/// CPUs that the cgroup quota of this process allows, rounded up; 0 where there is no quota.
/// Reads proc/self/cgroup, proc/self/mountinfo and the controllers' files below `root` ("/" on a
/// machine, a made-up tree in tests); what it cannot read or understand sets no limit. Every level
/// up to the mount counts, the least holds: cgroup v2's cpu.max ("200000 100000" or "max ..."),
/// v1's cpu.cfs_quota_us and cpu.cfs_period_us. Source: Linux Documentation/admin-guide/cgroup-v2
/// and Documentation/scheduler/sched-bwc.
FOVEA_API int cgroup_cpus(const std::filesystem::path& root);

/// CPUs in the calling thread's affinity mask; at least 1.
FOVEA_API int affinity_cpus();

}  // namespace fovea
