// textwrap.wrap for one line of text.
#pragma once

#include <cstddef>
#include <vector>

#include "base/origin_text.h"

namespace parapet::jinja {

struct WrapOptions {
  std::size_t width = 79;
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

std::vector<OriginText> wrap_line(const OriginText& line, const WrapOptions& options);

}  // namespace parapet::jinja
