// How much memory this process has, and may still take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace parapet {

// Where the kernel tells; tests point it elsewhere.
struct MemorySources {
  std::filesystem::path meminfo = "/proc/meminfo";
  std::filesystem::path process_cgroups = "/proc/self/cgroup";
  std::filesystem::path cgroup_root = "/sys/fs/cgroup";
};

// The smallest of MemAvailable and what each control group above this process (version 1 or 2)
// leaves under its limit, page cache counted as free. What the kernel does not tell is no limit:
// without any answer this is UINT64_MAX.
std::uint64_t available_memory(const MemorySources& sources = {});

// Bytes of this process that are in memory now, files it has mapped included; 0 if nobody tells.
std::uint64_t resident_memory();
// The most that it has been.
std::uint64_t peak_resident_memory();

}  // namespace parapet
