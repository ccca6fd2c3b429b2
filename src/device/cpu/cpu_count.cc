#include "device/cpu/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace parapet::cpu {
namespace {

// One CPU per bit; machines with more than 1024 CPUs are served by hardware_concurrency().
int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// The cgroup of this process: "0::/path" in /proc/self/cgroup.
std::string own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return line.substr(4);
  }
  return "";
}

std::optional<int> quota_of(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string line;
  std::getline(file, line);
  return parse_cpu_max(line);
}

}  // namespace

std::optional<int> parse_cpu_max(std::string_view text) {
  long long quota = 0;
  long long period = 0;
  const char* const end = text.data() + text.size();
  const auto [quota_end, quota_error] = std::from_chars(text.data(), end, quota);
  if (quota_error != std::errc() || quota_end == end || *quota_end != ' ') return std::nullopt;
  const auto [period_end, period_error] = std::from_chars(quota_end + 1, end, period);
  if (period_error != std::errc() || quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<int>(std::clamp(quota / period, 1LL, 1LL << 20));
}

int usable_cpus() {
  int cpus = affinity_cpus();
  const std::filesystem::path root = "/sys/fs/cgroup";
  for (std::filesystem::path group = own_cgroup();; group = group.parent_path()) {
    cpus = std::min(cpus, quota_of(root / group).value_or(cpus));
    if (group.empty()) return cpus;
  }
}

}  // namespace parapet::cpu
