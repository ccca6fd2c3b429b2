// The alphabet in which byte-level vocabularies spell bytes: printable Latin-1 stands for itself,
// the other 68 bytes for U+0100 to U+0143 ("Ġ" is the space).
#pragma once

#include <string>
#include <string_view>

namespace parapet {

// Appends the bytes that a spelling stands for. False, and `out` as before, where the spelling
// holds a character outside the alphabet.
bool append_spelled_bytes(std::string_view spelling, std::string& out);

std::string spell_bytes(std::string_view bytes);

}  // namespace parapet
