// Untrusted words inside messages: a name from a file must not break a line or paint a terminal.
#pragma once

#include <string>
#include <string_view>

namespace parapet {

// The text in double quotes: printable ASCII as it is, every other byte as \xNN, cut after 120
// bytes.
std::string quote(std::string_view text);

}  // namespace parapet
