// SHA-256: how keys, policies and texts are named without being kept.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace parapet::server {

using Sha256 = std::array<unsigned char, 32>;
Sha256 sha256(std::string_view bytes);
// 64 small digits, as sha256sum prints.
std::string to_hex(const Sha256& digest);

}  // namespace parapet::server
