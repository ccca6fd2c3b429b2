#include "base/memory.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

// A made-up kernel: what it tells is written into files.
class AvailableMemory : public ::testing::Test {
 protected:
  std::uint64_t available() const {
    return available_memory({.meminfo = directory_.path() / "meminfo",
                             .process_cgroups = directory_.path() / "cgroup",
                             .cgroup_root = directory_.path() / "fs"});
  }
  void write(const char* name, std::string_view text) const { directory_.write(name, text); }

  TemporaryDirectory directory_;
};

constexpr const char* kMeminfo =
    "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\n";

TEST_F(AvailableMemory, IsUnlimitedWhereNothingIsTold) { EXPECT_EQ(available(), UINT64_MAX); }

TEST_F(AvailableMemory, IsWhatMeminfoTells) {
  write("meminfo", kMeminfo);
  EXPECT_EQ(available(), 9000U * 1024);
}

TEST_F(AvailableMemory, IsLimitedByVersion2Groups) {
  write("meminfo", kMeminfo);
  write("cgroup", "0::/system/job\n");
  write("fs/system/job/memory.max", "max\n");
  write("fs/system/job/memory.current", "500\n");
  EXPECT_EQ(available(), 9000U * 1024);

  write("fs/system/memory.max", "5000\n");
  write("fs/system/memory.current", "2000\n");
  EXPECT_EQ(available(), 3000U);

  write("fs/system/memory.stat", "anon 1300\ninactive_file_pages 7\ninactive_file 700\n");
  EXPECT_EQ(available(), 3700U);
}

TEST_F(AvailableMemory, IsLimitedByTheRootThatAContainerSees) {
  write("cgroup", "0::/outside/this/container\n");
  write("fs/memory.max", "1000\n");
  write("fs/memory.current", "100\n");
  EXPECT_EQ(available(), 900U);
}

TEST_F(AvailableMemory, IsLimitedByVersion1Groups) {
  write("cgroup", "12:cpu,cpuacct:/job\n4:memory:/job\n0::/\n");
  write("fs/memory/job/memory.limit_in_bytes", "4096\n");
  write("fs/memory/job/memory.usage_in_bytes", "1096\n");
  write("fs/memory/job/memory.stat", "inactive_file 5\ntotal_inactive_file 96\n");
  EXPECT_EQ(available(), 3096U);
}

TEST_F(AvailableMemory, IsNothingAboveTheLimit) {
  write("cgroup", "0::/job\n");
  write("fs/job/memory.max", "1000\n");
  write("fs/job/memory.current", "1500\n");
  EXPECT_EQ(available(), 0U);
}

TEST_F(AvailableMemory, SkipsLinesItCannotRead) {
  write("cgroup", "\nnonsense\n:\n0::\n");
  EXPECT_EQ(available(), UINT64_MAX);
}

TEST(AvailableMemoryHere, IsPlausible) {
  EXPECT_GT(available_memory(), std::uint64_t{1} << 20);
  EXPECT_LT(available_memory(), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace parapet
