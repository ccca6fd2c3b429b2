// Numbers as people read them.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

namespace parapet::cli {

// "147,456"
inline std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

// "1.50 GiB"
inline std::string human_bytes(std::uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < std::size(units); ++unit) amount /= 1024;
  return fmt::format("{:.{}f} {}", amount, unit == 0 ? 0 : 2, units[unit]);
}

// ", layer 1 dense", ", layers 1 to 3 dense"; nothing where there are none.
inline std::string dense_layers_text(std::int64_t layers) {
  if (layers == 0) return "";
  return layers == 1 ? ", layer 1 dense" : fmt::format(", layers 1 to {} dense", layers);
}

}  // namespace parapet::cli
