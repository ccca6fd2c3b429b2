// Which CPUs the process may run on, and how many threads it may keep busy there.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace parapet::cpu {

// The CPUs that the calling thread may run on, ascending; never empty.
std::vector<int> affinity_cpus();

// CPUs of the affinity mask, limited by the quotas of the cgroup and its parents.
int usable_cpus();

// Whole CPUs that the quotas of a process allow, of versions 2 and 1 the smaller; nothing where
// none is set. `root` is where cgroups are mounted, `membership` the text of /proc/self/cgroup.
std::optional<int> cgroup_cpus(const std::filesystem::path& root, std::string_view membership);

// Whole CPUs that "QUOTA PERIOD" allows (version 2's cpu.max; version 1 keeps the two in files), at
// least 1; nothing where it sets no limit ("max PERIOD", "-1 PERIOD") or is not understood. Part of
// a CPU is left unused: a thread that outran the quota would be stopped for the rest of a period,
// and all others wait for it.
std::optional<int> parse_cpu_max(std::string_view text);

}  // namespace parapet::cpu
