// How many threads the process may keep busy.
#pragma once

#include <optional>
#include <string_view>

namespace parapet::cpu {

// CPUs of the affinity mask, limited by the quotas of the cgroup (version 2) and its parents.
int usable_cpus();

// Whole CPUs that a cpu.max file ("QUOTA PERIOD") allows, at least 1; nothing where it sets no
// limit ("max PERIOD") or is not understood. Part of a CPU is left unused: a thread that outran the
// quota would be stopped for the rest of a period, and all others wait for it.
std::optional<int> parse_cpu_max(std::string_view text);

}  // namespace parapet::cpu
