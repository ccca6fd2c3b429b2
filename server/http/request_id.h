// Names of requests.
#pragma once

#include <string>
#include <string_view>

namespace parapet::server {

// 32 hexadecimal digits that nobody has had before.
std::string unique_id();

// The name that the client gave, where it is fit for logs and headers (at most 128 characters of
// letters, digits and -_.:), else a unique one.
std::string request_id(std::string_view given);

}  // namespace parapet::server
