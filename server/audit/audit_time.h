// Times as the audit log writes them, and as people ask for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parapet/error.h"

namespace parapet::server {

std::int64_t unix_now_ms();

// "2026-11-25T10:24:13.123Z"
std::string format_time(std::int64_t unix_ms);

// "2026-11-25", "2026-11-25T10:24", "2026-11-25T10:24:13", "2026-11-25T10:24:13.123", each with or
// without Z, and always UTC; or how long before now: "90s", "30m", "24h", "7d". `name` stands in
// the error.
Result<std::int64_t> parse_time(std::string_view name, std::string_view text, std::int64_t now_ms);

}  // namespace parapet::server
