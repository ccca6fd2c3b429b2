#include "base/processor.h"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace parapet {
namespace {

// "value" of "key<tabs>: value".
std::string value_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "";
  line.remove_prefix(colon + 1);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line);
}

}  // namespace

std::string processor_name(const std::filesystem::path& cpuinfo) {
  std::ifstream stream(cpuinfo);
  std::string implementer;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("model name")) return value_of(line);
    if (line.starts_with("CPU implementer")) implementer = value_of(line);
    if (line.starts_with("CPU part")) {
      return "CPU implementer " + implementer + ", part " + value_of(line);
    }
  }
  return "";
}

}  // namespace parapet
