#include "device/cpu/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>

namespace parapet::cpu {
namespace {

namespace fs = std::filesystem;

// More CPUs than Linux can be built for; the kernel refuses a mask smaller than its own.
constexpr std::size_t kMaxCpus = 16384;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string quota_v2(const fs::path& group) { return first_line(group / "cpu.max"); }
std::string quota_v1(const fs::path& group) {
  return first_line(group / "cpu.cfs_quota_us") + ' ' + first_line(group / "cpu.cfs_period_us");
}

// The smallest quota of a group and its parents. A container may see its own group as the root,
// under a name that only the host knows: groups that are not there set no limit.
std::optional<int> smallest_quota(const fs::path& root, fs::path group,
                                  std::string (*quota)(const fs::path& group)) {
  std::optional<int> smallest;
  for (;; group = group.parent_path()) {
    const std::optional<int> cpus = parse_cpu_max(quota(root / group));
    if (cpus) smallest = std::min(*cpus, smallest.value_or(*cpus));
    if (group.empty()) return smallest;
  }
}

struct Membership {
  bool v2;
  std::string_view group;  // relative to where the hierarchy is mounted
};

// A line of /proc/self/cgroup, "ID:CONTROLLERS:/GROUP"; version 2 names no controllers.
std::optional<Membership> parse_membership(std::string_view line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(":/", first == line.npos ? first : first + 1);
  if (second == line.npos) return std::nullopt;
  const std::string controllers =
      ',' + std::string(line.substr(first + 1, second - first - 1)) + ',';
  const bool v2 = line.starts_with("0::");
  if (!v2 && controllers.find(",cpu,") == controllers.npos) return std::nullopt;
  return Membership{v2, line.substr(second + 2)};
}

}  // namespace

std::vector<int> affinity_cpus() {
  std::vector<cpu_set_t> mask(kMaxCpus / CPU_SETSIZE);
  const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
  std::vector<int> cpus;
  if (sched_getaffinity(0, bytes, mask.data()) == 0) {
    for (std::size_t cpu = 0; cpu < kMaxCpus; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(static_cast<int>(cpu));
    }
  }
  if (cpus.empty()) {
    cpus.resize(std::max(1U, std::thread::hardware_concurrency()));
    std::iota(cpus.begin(), cpus.end(), 0);
  }
  return cpus;
}

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

std::optional<int> cgroup_cpus(const fs::path& root, std::string_view membership) {
  std::optional<int> cpus;
  const auto limit = [&cpus](std::optional<int> quota) {
    if (quota) cpus = std::min(*quota, cpus.value_or(*quota));
  };
  while (!membership.empty()) {
    const std::size_t end = std::min(membership.find('\n'), membership.size());
    const std::optional<Membership> own = parse_membership(membership.substr(0, end));
    membership.remove_prefix(std::min(end + 1, membership.size()));
    if (!own) continue;
    if (own->v2) {  // beside version 1 it is mounted in a folder of its own
      limit(smallest_quota(root, own->group, quota_v2));
      limit(smallest_quota(root / "unified", own->group, quota_v2));
    } else {
      limit(smallest_quota(root / "cpu", own->group, quota_v1));
      limit(smallest_quota(root / "cpu,cpuacct", own->group, quota_v1));
    }
  }
  return cpus;
}

int usable_cpus() {
  std::ifstream file("/proc/self/cgroup");
  const std::string membership{std::istreambuf_iterator<char>(file), {}};
  const int cpus = static_cast<int>(affinity_cpus().size());
  return std::min(cpus, cgroup_cpus("/sys/fs/cgroup", membership).value_or(cpus));
}

}  // namespace parapet::cpu
