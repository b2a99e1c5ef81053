// cpu_limits_test.cpp - the CPU quota, read from made-up trees of files.
#include <fovea/core/cpu_limits.h>

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fovea {
namespace {

namespace fs = std::filesystem;

class Cgroup : public testing::Test {
 protected:
  Cgroup() {
    std::string name = (fs::temp_directory_path() / "fovea_cgroup_XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~Cgroup() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void v2(const std::string& own, const std::string& mount_root = "/") {
    write("proc/self/cgroup", "0::" + own + "\n");
    write("proc/self/mountinfo",
          "20 1 0:5 / /proc rw - proc proc rw\n"
          "31 24 0:27 " +
              mount_root + " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  }
  void v1(const std::string& own, const std::string& mount_root = "/") {
    write("proc/self/cgroup",
          "5:memory:/elsewhere\n4:cpu,cpuacct:" + own + "\n3:cpuset:/\n0::/unified\n");
    write("proc/self/mountinfo",
          "33 32 0:29 " + mount_root +
              " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
              "34 32 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  }
  int cpus() const { return cgroup_cpus(root_); }

 private:
  fs::path root_;
};

TEST_F(Cgroup, AMachineWithoutCgroupsHasNoLimit) { EXPECT_EQ(cpus(), 0); }

TEST_F(Cgroup, Version2) {
  v2("/");
  EXPECT_EQ(cpus(), 0) << "the root has no cpu.max";
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus(), 0);
  write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(cpus(), 2);
}

TEST_F(Cgroup, AFractionCountsAsAWholeCpu) {
  v2("/");
  write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus(), 2);
  write("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(cpus(), 1);
}

TEST_F(Cgroup, TheStrictestLevelHolds) {
  v2("/user.slice/job.scope");
  write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "800000 100000\n");
  EXPECT_EQ(cpus(), 8);
  write("sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3);
  write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "100000 50000\n");
  EXPECT_EQ(cpus(), 2);
}

TEST_F(Cgroup, AContainerThatSeesItsOwnPartOnly) {
  v2("/docker/abc/inner", "/docker/abc");
  write("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpus(), 4);
  write("sys/fs/cgroup/inner/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpus(), 1);
}

TEST_F(Cgroup, APathOutsideTheMountFallsBackToItsTop) {
  v2("/../other", "/docker/abc");
  write("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpus(), 4);
}

TEST_F(Cgroup, Version1) {
  v1("/job");
  EXPECT_EQ(cpus(), 0);
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 0) << "-1 is no quota";
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "350000\n");
  EXPECT_EQ(cpus(), 4);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(cpus(), 2);
}

TEST_F(Cgroup, NonsenseSetsNoLimit) {
  v2("/");
  for (const char* text :
       {"", "\n", "banana", "0 100000", "-5 100000", "100000 0", "100000", "1e300 1", "nan 1"}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(cpus(), 0) << text;
  }
  write("proc/self/cgroup", "nonsense\n:\n::\n0:\n");
  write("proc/self/mountinfo", "nonsense\n - \n31 - cgroup2\n");
  EXPECT_EQ(cpus(), 0);
}

TEST(Affinity, AllowsAtLeastThisThread) { EXPECT_GE(affinity_cpus(), 1); }

}  // namespace
}  // namespace fovea
