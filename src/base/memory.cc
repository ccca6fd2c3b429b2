#include "base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace parapet {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// The files of one control-group version.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // the line of memory.stat that counts droppable page cache
};
constexpr GroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file"};
constexpr GroupFiles kVersion2{"memory.max", "memory.current", "inactive_file"};

// The file's only number; nullopt for a missing file or a word such as "max".
std::optional<std::uint64_t> read_number(const fs::path& file) {
  std::ifstream stream(file);
  std::uint64_t number = 0;
  if (!(stream >> number)) return std::nullopt;
  return number;
}

// The number after `key` in a file of "key number ..." lines.
std::optional<std::uint64_t> read_field(const fs::path& file, std::string_view key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    line.erase(0, key.size());
    if (line.empty() || (line.front() != ' ' && line.front() != '\t')) continue;
    std::uint64_t number = 0;
    const std::size_t digit = line.find_first_not_of(" \t");
    for (std::size_t i = digit; i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
      number = number * 10 + static_cast<std::uint64_t>(line[i] - '0');
    }
    return number;
  }
  return std::nullopt;
}

std::uint64_t left_in_group(const fs::path& group, const GroupFiles& files) {
  const auto limit = read_number(group / files.limit);
  const auto usage = read_number(group / files.usage);
  if (!limit || !usage) return kUnlimited;
  const std::uint64_t cache = read_field(group / "memory.stat", files.reclaimable).value_or(0);
  const std::uint64_t used = *usage - std::min(cache, *usage);
  return *limit - std::min(used, *limit);
}

// A limit of any ancestor binds. In a container the path may name groups that are not visible
// here; their missing files say nothing, and the walk ends at the root that is.
std::uint64_t left_under(const fs::path& root, fs::path group, const GroupFiles& files) {
  std::uint64_t left = left_in_group(root, files);
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) {
    left = std::min(left, left_in_group(root / group, files));
  }
  return left;
}

std::uint64_t left_in_cgroups(const MemorySources& sources) {
  std::uint64_t left = kUnlimited;
  std::ifstream stream(sources.process_cgroups);
  for (std::string line; std::getline(stream, line);) {  // "id:controllers:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      left = std::min(left, left_under(sources.cgroup_root, group, kVersion2));
    } else if (controllers == "memory") {
      left = std::min(left, left_under(sources.cgroup_root / "memory", group, kVersion1));
    }
  }
  return left;
}

}  // namespace

std::uint64_t available_memory(const MemorySources& sources) {
  std::uint64_t available = left_in_cgroups(sources);
  if (const auto kilobytes = read_field(sources.meminfo, "MemAvailable:")) {
    available = std::min(available, *kilobytes * 1024);
  }
  return available;
}

std::uint64_t resident_memory() {
  const auto kilobytes = read_field("/proc/self/status", "VmRSS:");
  return kilobytes ? *kilobytes * 1024 : 0;
}

std::uint64_t peak_resident_memory() {
  const auto kilobytes = read_field("/proc/self/status", "VmHWM:");
  return kilobytes ? *kilobytes * 1024 : 0;
}

}  // namespace parapet
