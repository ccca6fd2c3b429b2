// What limits the CPUs of a process: its affinity mask and the quotas of its cgroup.
#include "device/cpu/cpu_count.h"

#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace parapet::cpu {
namespace {

namespace fs = std::filesystem;

// A folder that looks like /sys/fs/cgroup.
class CgroupCpus : public testing::Test {
 protected:
  CgroupCpus() { fs::remove_all(root_); }
  ~CgroupCpus() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  std::optional<int> cpus(const std::string& membership) { return cgroup_cpus(root_, membership); }

 private:
  fs::path root_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(CgroupCpus, VersionTwoIsLimitedByEveryParent) {
  EXPECT_EQ(cpus("0::/"), std::nullopt);
  write("cpu.max", "max 100000");
  write("pod/cpu.max", "300000 100000");
  write("pod/box/cpu.max", "800000 100000");
  EXPECT_EQ(cpus("0::/"), std::nullopt);
  EXPECT_EQ(cpus("0::/pod\n"), 3);
  EXPECT_EQ(cpus("0::/pod/box\n"), 3);
  write("pod/box/cpu.max", "200000 100000");
  EXPECT_EQ(cpus("0::/pod/box\n"), 2);
}

TEST_F(CgroupCpus, AGroupThatOnlyTheHostSeesIsLookedForAtTheRoot) {
  write("cpu.max", "400000 100000");
  EXPECT_EQ(cpus("0::/docker/0123456789abcdef\n"), 4);
}

TEST_F(CgroupCpus, VersionOneKeepsQuotaAndPeriodInTwoFiles) {
  const std::string membership = "12:memory:/a\n4:cpu,cpuacct:/pod\n3:cpuset:/b\n0::/\n";
  EXPECT_EQ(cpus(membership), std::nullopt);
  write("cpu/pod/cpu.cfs_period_us", "100000");
  write("cpu/pod/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(cpus(membership), std::nullopt);
  write("cpu/pod/cpu.cfs_quota_us", "250000");
  EXPECT_EQ(cpus(membership), 2);
  write("cpu,cpuacct/cpu.cfs_period_us", "100000");
  write("cpu,cpuacct/cpu.cfs_quota_us", "100000");
  EXPECT_EQ(cpus(membership), 1);
}

TEST_F(CgroupCpus, OtherControllersSetNoLimit) {
  write("cpu/a/cpu.cfs_period_us", "100000");
  write("cpu/a/cpu.cfs_quota_us", "100000");
  EXPECT_EQ(cpus("3:cpuset:/a\n2:cpuacct:/a\n"), std::nullopt);
}

TEST_F(CgroupCpus, BesideVersionOneVersionTwoHasItsOwnFolder) {
  write("unified/pod/cpu.max", "100000 50000");
  EXPECT_EQ(cpus("4:cpu:/pod\n0::/pod"), 2);
}

TEST_F(CgroupCpus, WhatIsNotUnderstoodSetsNoLimit) {
  write("cpu.max", "100000 100000");
  for (const char* membership : {"", "\n", "0", "0:", "0:/", "::", "cpu", "1:cpu", "\n\n:::\n"}) {
    EXPECT_EQ(cpus(membership), std::nullopt) << membership;
  }
}

TEST(CpuCount, ParsesCgroupQuotas) {
  EXPECT_EQ(parse_cpu_max("max 100000"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("200000 100000"), 2);
  EXPECT_EQ(parse_cpu_max("250000 100000\n"), 2);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 1);
  EXPECT_EQ(parse_cpu_max("9223372036854775807 1"), 1 << 20);
  for (const char* text :
       {"", "100000", "x 1", "1 x", "-5 100000", "5 0", "5 -1", "99999999999999999999 1"}) {
    EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
  }
  EXPECT_GE(usable_cpus(), 1);
}

// Masks belong to threads: one that is confined does not confine the others.
TEST(CpuCount, FollowsTheAffinityMask) {
  const auto before = affinity_cpus();
  std::thread([&before] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<std::size_t>(before.back()), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(affinity_cpus(), std::vector<int>{before.back()});
    EXPECT_EQ(usable_cpus(), 1);
  }).join();
  EXPECT_EQ(affinity_cpus(), before);
}

}  // namespace
}  // namespace parapet::cpu
