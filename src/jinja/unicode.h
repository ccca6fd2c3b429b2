// Code points of valid UTF-8, and what Python's str methods ask about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parapet::jinja {

struct CodePoint {
  char32_t value;
  std::size_t length;  // in bytes
};

// The code point that starts at `at`, which must be inside the text. Bytes that start none count
// as one code point each, so that a walk always moves on.
CodePoint decode_code_point(std::string_view text, std::size_t at);
std::size_t count_code_points(std::string_view text);
// The byte at which the code point of that index starts; the size where there are fewer.
std::size_t byte_of_code_point(std::string_view text, std::size_t index);
// The first byte that is not part of valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

bool is_space(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);
bool is_word(char32_t c);  // \w of Python's re
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_cased(char32_t c);
bool is_case_ignorable(char32_t c);
bool is_printable(char32_t c);
bool is_line_break(char32_t c);  // for str.splitlines()

enum class LetterCase : std::uint8_t { kUpper, kLower, kTitle };
void append_cased(std::string& out, char32_t c, LetterCase letter_case);

}  // namespace parapet::jinja
