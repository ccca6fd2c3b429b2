// Numbers in messages, as short as they can be read back: 1e-06, not 0.000001.
#pragma once

#include <array>
#include <charconv>
#include <string>

namespace parapet {

inline std::string number_text(double value) {
  std::array<char, 32> buffer;  // the longest double takes 24
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), written.ptr);
}

}  // namespace parapet
