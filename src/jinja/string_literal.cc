#include "jinja/string_literal.h"

#include <cstddef>

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/unicode.h"

namespace parapet::jinja {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status append_hex_escape(std::string& out, std::string_view text, std::size_t& at,
                         std::size_t digits) {
  char32_t code = 0;
  if (text.size() - at < digits) return Error{ErrorCode::kCorrupt, "truncated escape in string"};
  for (std::size_t i = 0; i < digits; ++i, ++at) {
    const int digit = hex_digit(text[at]);
    if (digit < 0) return Error{ErrorCode::kCorrupt, "truncated escape in string"};
    code = code * 16 + static_cast<char32_t>(digit);
  }
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return Error{ErrorCode::kCorrupt, "escape in string is not a Unicode character"};
  }
  append_utf8(code, out);
  return {};
}

void append_octal_escape(std::string& out, std::string_view text, std::size_t& at) {
  char32_t code = 0;
  for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i, ++at) {
    code = code * 8 + static_cast<char32_t>(text[at] - '0');
  }
  append_utf8(code, out);
}

Status append_escape(std::string& out, std::string_view text, std::size_t& at) {
  const char c = text[at++];
  switch (c) {
    case '\n': return {};
    case '\\':
    case '\'':
    case '"': out += c; return {};
    case 'a': out += '\a'; return {};
    case 'b': out += '\b'; return {};
    case 'f': out += '\f'; return {};
    case 'n': out += '\n'; return {};
    case 'r': out += '\r'; return {};
    case 't': out += '\t'; return {};
    case 'v': out += '\v'; return {};
    case 'x': return append_hex_escape(out, text, at, 2);
    case 'u': return append_hex_escape(out, text, at, 4);
    case 'U': return append_hex_escape(out, text, at, 8);
    case 'N': return Error{ErrorCode::kUnsupported, "\\N{...} in a string is not supported"};
    default: break;
  }
  if (c >= '0' && c <= '7') {
    --at;
    append_octal_escape(out, text, at);
    return {};
  }
  out += '\\';  // an unknown escape stays as it is
  --at;
  return {};
}

}  // namespace

Result<std::string> decode_string_literal(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    ++at;
    if (at == text.size()) return Error{ErrorCode::kCorrupt, "string ends in a backslash"};
    PARAPET_TRY(append_escape(out, text, at));
  }
  return out;
}

}  // namespace parapet::jinja
