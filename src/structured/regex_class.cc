#include "structured/regex_class.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/check.h"

namespace parapet {
namespace {

const CodePointSet& digits() {
  static const CodePointSet set{{U'0', U'9'}};
  return set;
}

const CodePointSet& word_characters() {
  static const CodePointSet set{{U'0', U'9'}, {U'A', U'Z'}, {U'_', U'_'}, {U'a', U'z'}};
  return set;
}

const CodePointSet& white_space() {
  static const CodePointSet set{{U'\t', U'\r'}, {U' ', U' '}};
  return set;
}

bool is_ascii_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool is_ascii_letter(char32_t c) { return (c | 0x20) >= U'a' && (c | 0x20) <= U'z'; }

RegexCharacters one(char32_t c) { return {c, CodePointSet{{c, c}}}; }
RegexCharacters set_of(const CodePointSet& set) { return {std::nullopt, set}; }

std::optional<char32_t> hex_value(char32_t c) {
  if (is_ascii_digit(c)) return c - U'0';
  const char32_t lower = c | 0x20;
  if (lower >= U'a' && lower <= U'f') return lower - U'a' + 10;
  return std::nullopt;
}

Result<RegexCharacters> read_hex(PatternReader& reader, std::size_t start, int places) {
  char32_t value = 0;
  for (int i = 0; i < places; ++i) {
    const auto digit = reader.at_end() ? std::nullopt : hex_value(reader.take());
    if (!digit) {
      return reader.invalid(start, fmt::format("the escape takes {} hexadecimal digits", places));
    }
    value = value * 16 + *digit;
  }
  if (value >= 0xD800 && value <= 0xDFFF) {
    return reader.invalid(start, "a surrogate is no character; write the character itself");
  }
  return one(value);
}

Result<RegexCharacters> read_zero(PatternReader& reader, std::size_t start) {
  if (reader.next_is_any_of(U"01234567")) {
    return reader.unsupported(start, "octal escapes are not supported; write \\xHH");
  }
  return one(U'\0');
}

// A letter or digit of ASCII that means nothing here.
Error refuse_escape(const PatternReader& reader, std::size_t start, char32_t c) {
  if (is_ascii_digit(c)) return reader.unsupported(start, "backreferences are not supported");
  if (c == U'b' || c == U'B') {
    return reader.unsupported(start, "word boundaries (\\b, \\B) are not supported");
  }
  if (c == U'A' || c == U'Z') {
    return reader.unsupported(
        start, "\\A and \\Z are not supported; a pattern matches the whole text anyway");
  }
  return reader.unsupported(start,
                            fmt::format("\\{} is not a supported escape", static_cast<char>(c)));
}

// One item of a class, or an end of a range.
Result<RegexCharacters> read_item(PatternReader& reader, std::size_t class_start) {
  if (reader.at_end()) return reader.invalid(class_start, "[ has no closing ]");
  const char32_t c = reader.take();
  return c == U'\\' ? read_escape(reader) : one(c);
}

}  // namespace

Result<RegexCharacters> read_escape(PatternReader& reader) {
  const std::size_t start = reader.position() - 1;
  if (reader.at_end()) return reader.invalid(start, "a backslash at the end escapes nothing");
  const char32_t c = reader.take();
  switch (c) {
    case U'n': return one(U'\n');
    case U't': return one(U'\t');
    case U'r': return one(U'\r');
    case U'f': return one(U'\f');
    case U'v': return one(U'\v');
    case U'0': return read_zero(reader, start);
    case U'x': return read_hex(reader, start, 2);
    case U'u': return read_hex(reader, start, 4);
    case U'd': return set_of(digits());
    case U'D': return set_of(digits().complement());
    case U'w': return set_of(word_characters());
    case U'W': return set_of(word_characters().complement());
    case U's': return set_of(white_space());
    case U'S': return set_of(white_space().complement());
    default: break;
  }
  if (is_ascii_digit(c) || is_ascii_letter(c)) return refuse_escape(reader, start, c);
  return one(c);
}

Result<CodePointSet> read_class(PatternReader& reader) {
  const std::size_t class_start = reader.position() - 1;
  const bool negated = reader.take_if(U'^');
  std::vector<CodePointRange> ranges;
  // A ] that comes first is a character of the class, as in Python.
  for (bool first = true; first || !reader.take_if(U']'); first = false) {
    const std::size_t start = reader.position();
    PARAPET_ASSIGN(const RegexCharacters item, read_item(reader, class_start));
    if (!reader.next_is(U'-') || reader.next_is(U']', 1)) {
      ranges.insert(ranges.end(), item.set.ranges().begin(), item.set.ranges().end());
      continue;
    }
    reader.take();
    PARAPET_ASSIGN(const RegexCharacters last, read_item(reader, class_start));
    if (!item.single || !last.single || *item.single > *last.single) {
      return reader.invalid(start, "a range goes from one character to the same or a later one");
    }
    ranges.push_back({*item.single, *last.single});
  }
  const CodePointSet set(std::move(ranges));
  return negated ? set.complement() : set;
}

}  // namespace parapet
