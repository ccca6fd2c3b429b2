#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxQuotedBytes = 120;  // longer than any published tensor name

}  // namespace

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxQuotedBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte >= 0x20 && byte < 0x7f) {
      out.push_back(c);
    } else {
      out.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  out.append(text.size() > kMaxQuotedBytes ? "...\"" : "\"");
  return out;
}

}  // namespace parapet
