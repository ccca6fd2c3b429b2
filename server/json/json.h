// JSON in and out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "parapet/error.h"

namespace parapet::server {

using Json = nlohmann::ordered_json;

// kInvalidArgument says where the text stops being JSON, and does not quote it.
Result<Json> parse_json(std::string_view text);

// On one line; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& json);

}  // namespace parapet::server
