// Cuts a text that is too long to be judged at once into overlapping pieces.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace parapet {

// True where a piece of the text, with all that goes around it, can be judged. If it holds for a
// piece, it must hold for the pieces of that piece.
using Fits = std::function<bool(std::string_view piece)>;

// Pieces of `text` that fit, as long as they can be, each beginning before its predecessor's end:
// what stands on a border is read whole by one of two neighbours, up to an eighth of their length.
// They begin and end between UTF-8 characters and cover every byte. Empty where not even one
// character fits.
std::vector<std::string_view> overlapping_windows(std::string_view text, const Fits& fits);

// The longest end of `text` that fits.
std::string_view longest_end(std::string_view text, const Fits& fits);

}  // namespace parapet
