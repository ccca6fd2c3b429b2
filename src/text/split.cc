#include "text/split.h"

#include "base/utf8.h"
#include "text/unicode.h"

namespace parapet {
namespace {

constexpr std::string_view kOneDigit =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kThreeDigits =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

bool is_newline(char byte) { return byte == '\r' || byte == '\n'; }

struct Scanned {
  CharClass char_class;
  std::size_t end;
};

Scanned scan(std::string_view text, std::size_t at) {
  const Utf8Char c = read_utf8(text, at);
  return {properties_of(c.code_point).char_class(), c.end};
}

std::size_t skip_class(std::string_view text, std::size_t at, CharClass wanted) {
  while (at < text.size()) {
    const Scanned c = scan(text, at);
    if (c.char_class != wanted) break;
    at = c.end;
  }
  return at;
}

// The end of (?i:'s|'t|'re|'ve|'m|'ll|'d) at an apostrophe, or `at`.
std::size_t contraction_end(std::string_view text, std::size_t at) {
  const auto lower = [&](std::size_t i) {
    if (at + i >= text.size()) return '\0';
    const char c = text[at + i];
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  switch (lower(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd': return at + 2;
    case 'r':
    case 'v': return lower(2) == 'e' ? at + 3 : at;
    case 'l': return lower(2) == 'l' ? at + 3 : at;
    default: break;
  }
  // U+017F, the long s, is the one other character that case folding takes into these.
  return text.substr(at + 1, 2) == "\u017F" ? at + 3 : at;
}

//  ?[^\s\p{L}\p{N}]+[\r\n]*, from its first character of no class on.
std::size_t symbols_end(std::string_view text, std::size_t at) {
  at = skip_class(text, at, CharClass::kOther);
  while (at < text.size() && is_newline(text[at])) ++at;
  return at;
}

// \s*[\r\n]+ | \s+(?!\S) | \s+
std::size_t space_end(std::string_view text, std::size_t at) {
  std::size_t end = at;
  std::size_t last = at;        // where the last white space of the run begins
  std::size_t after_line = at;  // where the last line break of the run ends
  while (end < text.size()) {
    const Scanned c = scan(text, end);
    if (c.char_class != CharClass::kSpace) break;
    if (is_newline(text[end])) after_line = c.end;
    last = end;
    end = c.end;
  }
  if (after_line > at) return after_line;
  // Before something else, the last space is left to it, if it is not the only one.
  return end < text.size() && last > at ? last : end;
}

}  // namespace

std::optional<SplitPattern> SplitPattern::from_regex(std::string_view regex) {
  if (regex == kOneDigit) return SplitPattern(1);
  if (regex == kThreeDigits) return SplitPattern(3);
  return std::nullopt;
}

std::size_t SplitPattern::piece_end(std::string_view text, std::size_t at) const {
  if (text[at] == '\'') {
    if (const std::size_t end = contraction_end(text, at); end > at) return end;
  }
  const Scanned first = scan(text, at);
  if (first.char_class == CharClass::kLetter) {
    return skip_class(text, first.end, CharClass::kLetter);
  }
  if (first.char_class == CharClass::kNumber) {
    std::size_t end = first.end;
    for (int digits = 1; digits < max_digits_ && end < text.size(); ++digits) {
      const Scanned next = scan(text, end);
      if (next.char_class != CharClass::kNumber) break;
      end = next.end;
    }
    return end;
  }
  if (first.end < text.size() && !is_newline(text[at])) {
    const Scanned second = scan(text, first.end);
    if (second.char_class == CharClass::kLetter) {
      return skip_class(text, second.end, CharClass::kLetter);
    }
    if (text[at] == ' ' && second.char_class == CharClass::kOther) {
      return symbols_end(text, first.end);
    }
  }
  return first.char_class == CharClass::kSpace ? space_end(text, at) : symbols_end(text, at);
}

}  // namespace parapet
