#include "server/json/json.h"

#include <algorithm>

namespace parapet::server {
namespace {

// Deeper than any request of ours, shallow enough for recursion everywhere.
constexpr int kMaxDepth = 64;

// The deepest nesting of brackets outside strings; right for all text that is JSON.
int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (depth_of(text) > kMaxDepth) {
    return Error{ErrorCode::kInvalidArgument,
                 "the body's JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels"};
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return Error{
        ErrorCode::kInvalidArgument,
        "the body is no JSON: it stops making sense at byte " + std::to_string(error.byte)};
  } catch (const Json::exception&) {
    return Error{ErrorCode::kInvalidArgument, "the body's JSON has a number that is out of range"};
  }
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace parapet::server
