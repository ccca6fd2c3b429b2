// UTF-8, read strictly: what is not well formed becomes U+FFFD, once per maximal subpart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parapet {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

struct Utf8Step {
  std::size_t length;  // bytes of the character, or of the maximal ill-formed subpart
  bool well_formed;    // a whole character
  bool cut_off;        // ill formed only because the text ends here
};

// What stands at `at` < text.size(), by table 3-7 of the Unicode standard. Rust's
// from_utf8_lossy and Python's "replace" step in the same way.
Utf8Step step_utf8(std::string_view text, std::size_t at);

bool is_utf8(std::string_view text);

// The text with each maximal ill-formed subpart replaced by one U+FFFD.
std::string replace_ill_formed(std::string_view text);

// How many bytes at the end begin a character that later bytes could complete: 0 to 3.
std::size_t unfinished_suffix(std::string_view text);

void append_utf8(char32_t code_point, std::string& out);

inline bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

struct Utf8Char {
  char32_t code_point;
  std::size_t end;  // where the next character begins
};

// The character at `at` of well-formed text.
inline Utf8Char read_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, at + 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), at + 2};
  if (lead < 0xF0) {
    return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), at + 3};
  }
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          at + 4};
}

}  // namespace parapet
