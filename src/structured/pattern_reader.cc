#include "structured/pattern_reader.h"

#include <fmt/format.h>

#include "base/quote.h"
#include "base/utf8.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxPatternBytes = std::size_t{16} << 10;

}  // namespace

Result<PatternReader> PatternReader::open(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("regex: its length of {} bytes is over the limit of {}",
                             pattern.size(), kMaxPatternBytes)};
  }
  if (!is_utf8(pattern)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("regex {}: is not UTF-8", quote(pattern))};
  }
  std::u32string characters;
  for (std::size_t at = 0; at < pattern.size();) {
    const Utf8Char c = read_utf8(pattern, at);
    characters.push_back(c.code_point);
    at = c.end;
  }
  return PatternReader(pattern, std::move(characters));
}

bool PatternReader::take_if(char32_t c) {
  if (!next_is(c)) return false;
  ++at_;
  return true;
}

Error PatternReader::error(ErrorCode code, std::size_t position, const std::string& what) const {
  return {code, fmt::format("regex {}, position {}: {}", quote(pattern_), position, what)};
}

Error PatternReader::invalid(std::size_t position, const std::string& what) const {
  return error(ErrorCode::kInvalidArgument, position, what);
}

Error PatternReader::unsupported(std::size_t position, const std::string& what) const {
  return error(ErrorCode::kUnsupported, position, what);
}

}  // namespace parapet
