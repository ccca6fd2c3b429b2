// Normalization form C, as the reference tokenizer computes it (Unicode 9).
#pragma once

#include <string>
#include <string_view>

namespace parapet {

// `text` is well-formed UTF-8. Time is n log n at worst, in the length of a run of marks.
std::string to_nfc(std::string_view text);

}  // namespace parapet
