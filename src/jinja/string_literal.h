// The escapes of Python string literals.
#pragma once

#include <string>
#include <string_view>

#include "parapet/error.h"

namespace parapet::jinja {

// `text` stands between the quotes. An Error's message is only the problem, without a place.
Result<std::string> decode_string_literal(std::string_view text);

}  // namespace parapet::jinja
