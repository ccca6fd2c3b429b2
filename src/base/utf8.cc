#include "base/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace parapet {
namespace {

// What the first byte demands: how many bytes follow, and the range of the second one.
struct Lead {
  std::size_t following;  // 0: this byte begins no character of more than one byte
  unsigned char low, high;
};

Lead read_lead(unsigned char byte) {
  if (byte < 0xC2 || byte > 0xF4) return {0, 0, 0};
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};  // shorter forms exist below
  if (byte == 0xED) return {2, 0x80, 0x9F};  // surrogates above
  if (byte < 0xF0) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // past U+10FFFF
  return {3, 0x80, 0xBF};
}

}  // namespace

Utf8Step step_utf8(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {1, true, false};
  Lead lead = read_lead(first);
  if (lead.following == 0) return {1, false, false};
  for (std::size_t i = 1; i <= lead.following; ++i) {
    if (at + i == text.size()) return {i, false, true};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte < lead.low || byte > lead.high) return {i, false, false};
    lead.low = 0x80;
    lead.high = 0xBF;
  }
  return {lead.following + 1, true, false};
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string replace_ill_formed(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + kReplacementUtf8.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = step_utf8(text, at);
    out.append(step.well_formed ? text.substr(at, step.length) : kReplacementUtf8);
    at += step.length;
  }
  return out;
}

std::size_t unfinished_suffix(std::string_view text) {
  const std::size_t longest = std::min<std::size_t>(3, text.size());
  for (std::size_t length = 1; length <= longest; ++length) {
    const std::size_t at = text.size() - length;
    if (!is_continuation(text[at])) return step_utf8(text, at).cut_off ? length : 0;
  }
  return 0;
}

void append_utf8(char32_t code_point, std::string& out) {
  const auto tail = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80 | (code_point >> shift & 0x3F)));
  };
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | code_point >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace parapet
