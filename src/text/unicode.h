// What the reference tokenizer holds of each code point. The tables are its own answers, probed by
// tools/golden/tokenizer_unicode.py: its parts speak different versions of Unicode.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parapet {

enum class CharClass : std::uint8_t { kOther, kLetter, kNumber, kSpace };

class CharProperties {
 public:
  constexpr CharProperties() = default;
  constexpr explicit CharProperties(std::uint8_t bits) : bits_(bits) {}

  // \p{L}, \p{N} or \s of split patterns; these do not overlap.
  constexpr CharClass char_class() const { return static_cast<CharClass>(bits_ & 3); }
  // \w of the single_word rule of added tokens.
  constexpr bool is_word() const { return (bits_ & 4) != 0; }
  // NFC leaves it alone, puts nothing before it and joins it to nothing that stands before.
  constexpr bool is_nfc_inert() const { return (bits_ & 8) == 0; }

 private:
  std::uint8_t bits_ = 0;
};

extern const std::array<CharProperties, 0x10000> kBmpProperties;
CharProperties supplementary_properties(char32_t code_point);

inline CharProperties properties_of(char32_t code_point) {
  return code_point < 0x10000 ? kBmpProperties[code_point] : supplementary_properties(code_point);
}

// 0 for a starter.
std::uint8_t combining_class(char32_t code_point);

// The full canonical decomposition, 1 to 4 code points. Hangul syllables included.
std::u32string_view decompose(char32_t code_point, std::array<char32_t, 4>& storage);

// The primary composite of two neighbours, if there is one.
std::optional<char32_t> compose(char32_t first, char32_t second);

}  // namespace parapet
