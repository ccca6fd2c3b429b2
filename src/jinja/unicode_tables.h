// What Python's str methods know of Unicode beyond utf8proc: see
// tools/golden/jinja_unicode_tables.py.
#pragma once

#include <array>
#include <span>

namespace parapet::jinja {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

struct LongCaseMapping {
  char32_t from;
  std::array<char32_t, 3> to;  // ends at the first 0
};

extern const std::span<const LongCaseMapping> kLongUpper;
extern const std::span<const LongCaseMapping> kLongTitle;
extern const std::span<const CodePointRange> kOtherUpper;
extern const std::span<const CodePointRange> kOtherLower;
extern const std::span<const CodePointRange> kOtherDigit;
extern const std::span<const CodePointRange> kOtherNumeric;

}  // namespace parapet::jinja
