// Python's format specifications, "[[fill]align][sign][#][0][width][grouping][.precision][type]",
// and what they make of strings and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

struct FormatSpec {
  std::string fill = " ";  // one code point
  char align = '\0';       // < > ^ =, or none given
  char sign = '-';         // + - or space
  bool alternate = false;  // #
  std::int64_t width = 0;
  char grouping = '\0';  // , or _
  std::optional<int> precision;
  char type = '\0';
  Origin origin = Origin::kTemplate;  // of what padding adds

  static Result<FormatSpec> parse(Runtime& runtime, std::string_view text);
};

Result<OriginText> format_text(Runtime& runtime, const OriginText& text, const FormatSpec& spec);
// Of an int, bool or float.
Result<OriginText> format_number(Runtime& runtime, const Value& value, const FormatSpec& spec);

}  // namespace parapet::jinja
