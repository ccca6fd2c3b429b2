// Paths and queries of request targets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace parapet::server {

// "%2F" and the like read; nothing where an escape is broken or stands for a zero byte.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);

// "a=1&b=x%20y"; the last of a name counts, broken escapes stay as they are.
std::map<std::string, std::string> query_parameters(std::string_view query);

}  // namespace parapet::server
