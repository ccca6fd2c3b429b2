#include "jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <span>

#include "base/utf8.h"
#include "jinja/unicode_tables.h"

namespace parapet::jinja {
namespace {

bool contains(std::span<const CodePointRange> ranges, char32_t c) {
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), c,
                                     [](char32_t x, const auto& range) { return x < range.first; });
  return next != ranges.begin() && c <= std::prev(next)->last;
}

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool append_long_case(std::string& out, std::span<const LongCaseMapping> mappings, char32_t c) {
  const auto found =
      std::lower_bound(mappings.begin(), mappings.end(), c,
                       [](const LongCaseMapping& mapping, char32_t x) { return mapping.from < x; });
  if (found == mappings.end() || found->from != c) return false;
  for (const char32_t mapped : found->to) {
    if (mapped != 0) append_utf8(mapped, out);
  }
  return true;
}

}  // namespace

CodePoint decode_code_point(std::string_view text, std::size_t at) {
  const Utf8Step step = step_utf8(text, at);
  if (!step.well_formed) return {static_cast<unsigned char>(text[at]), 1};
  return {read_utf8(text, at).code_point, step.length};
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::size_t byte_of_code_point(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += decode_code_point(text, at).length;
    --index;
  }
  return at;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint next = decode_code_point(text, at);
    if (next.length == 1 && next.value >= 0x80) return at;
    at += next.length;
  }
  return std::string_view::npos;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_alpha(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t c) { return is_decimal(c) || contains(kOtherDigit, c); }
bool is_numeric(char32_t c) { return is_digit(c) || contains(kOtherNumeric, c); }
bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c); }
bool is_word(char32_t c) { return c == '_' || is_alnum(c); }

bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU || contains(kOtherUpper, c);
}
bool is_lower(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL || contains(kOtherLower, c);
}
bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }
bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }

bool is_case_ignorable(char32_t c) {
  switch (c) {  // Word_Break MidLetter, MidNumLet and Single_Quote
    case '\'':
    case '.':
    case ':':
    case 0xb7:
    case 0x387:
    case 0x55f:
    case 0x5f4:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
    case 0xfe13:
    case 0xfe52:
    case 0xfe55:
    case 0xff07:
    case 0xff0e:
    case 0xff1a: return true;
    default: break;
  }
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
         kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_LM ||
         kind == UTF8PROC_CATEGORY_SK;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
  }
}

bool is_line_break(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

void append_cased(std::string& out, char32_t c, LetterCase letter_case) {
  const auto code = static_cast<utf8proc_int32_t>(c);
  switch (letter_case) {
    case LetterCase::kUpper:
      if (append_long_case(out, kLongUpper, c)) return;
      return append_utf8(static_cast<char32_t>(utf8proc_toupper(code)), out);
    case LetterCase::kTitle:
      if (append_long_case(out, kLongTitle, c)) return;
      return append_utf8(static_cast<char32_t>(utf8proc_totitle(code)), out);
    case LetterCase::kLower:
      if (c == 0x130) {  // the only lower case of two code points
        out += "i\u0307";
        return;
      }
      return append_utf8(static_cast<char32_t>(utf8proc_tolower(code)), out);
  }
}

}  // namespace parapet::jinja
