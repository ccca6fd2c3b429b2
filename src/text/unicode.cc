#include "text/unicode.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace parapet {
namespace {

#include "text/unicode_tables.inc"

constexpr std::uint32_t kValueBits = 8;  // of a table entry; the code point stands above them

// The last entry whose code point is at most this one. The tables begin early enough.
const std::uint32_t* entry_at(std::span<const std::uint32_t> table, char32_t code_point) {
  const auto above = std::upper_bound(
      table.begin(), table.end(), (static_cast<std::uint32_t>(code_point) << kValueBits) | 0xFF);
  return above == table.begin() ? nullptr : &*(above - 1);
}

std::array<CharProperties, 0x10000> expand_bmp() {
  std::array<CharProperties, 0x10000> properties;
  std::size_t filled = 0;
  CharProperties current;
  for (const std::uint32_t entry : kPropertyRuns) {
    const std::size_t begin = std::min<std::size_t>(entry >> kValueBits, properties.size());
    while (filled < begin) properties[filled++] = current;
    current = CharProperties(static_cast<std::uint8_t>(entry));
  }
  while (filled < properties.size()) properties[filled++] = current;
  return properties;
}

// Hangul syllables are arithmetic (section 3.12 of the standard): L, V and perhaps T.
constexpr char32_t kSyllableBase = 0xAC00;
constexpr char32_t kLeadBase = 0x1100, kVowelBase = 0x1161, kTailBase = 0x11A7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

std::optional<char32_t> compose_hangul(char32_t first, char32_t second) {
  const char32_t lead = first - kLeadBase;
  const char32_t vowel = second - kVowelBase;
  if (lead < kLeadCount && vowel < kVowelCount) {
    return kSyllableBase + (lead * kVowelCount + vowel) * kTailCount;
  }
  const char32_t syllable = first - kSyllableBase;
  const char32_t tail = second - kTailBase;
  if (syllable < kSyllableCount && syllable % kTailCount == 0 && tail > 0 && tail < kTailCount) {
    return first + tail;
  }
  return std::nullopt;
}

// A row of a flat table, so that the generated file needs no types of its own.
template <std::size_t kWidth, class Less>
const std::uint32_t* find_row(std::span<const std::uint32_t> table, Less row_is_less) {
  std::size_t low = 0;
  std::size_t high = table.size() / kWidth;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (row_is_less(&table[middle * kWidth])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low * kWidth < table.size() ? &table[low * kWidth] : nullptr;
}

}  // namespace

const std::array<CharProperties, 0x10000> kBmpProperties = expand_bmp();

CharProperties supplementary_properties(char32_t code_point) {
  return CharProperties(static_cast<std::uint8_t>(*entry_at(kPropertyRuns, code_point)));
}

std::uint8_t combining_class(char32_t code_point) {
  const std::uint32_t* entry = entry_at(kCombiningClasses, code_point);
  if (entry == nullptr || *entry >> kValueBits != code_point) return 0;
  return static_cast<std::uint8_t>(*entry);
}

std::u32string_view decompose(char32_t code_point, std::array<char32_t, 4>& storage) {
  if (const char32_t syllable = code_point - kSyllableBase; syllable < kSyllableCount) {
    const char32_t tail = syllable % kTailCount;
    storage = {kLeadBase + syllable / (kVowelCount * kTailCount),
               kVowelBase + syllable / kTailCount % kVowelCount, kTailBase + tail, 0};
    return {storage.data(), tail == 0 ? 2U : 3U};
  }
  constexpr std::size_t kWidth = 5;
  const std::uint32_t* row =
      find_row<kWidth>(kDecompositions, [&](const std::uint32_t* r) { return r[0] < code_point; });
  if (row == nullptr || row[0] != code_point) {
    storage[0] = code_point;
    return {storage.data(), 1};
  }
  std::size_t length = 0;
  while (length < storage.size() && row[length + 1] != 0) {
    storage[length] = row[length + 1];
    ++length;
  }
  return {storage.data(), length};
}

std::optional<char32_t> compose(char32_t first, char32_t second) {
  if (const auto syllable = compose_hangul(first, second)) return syllable;
  constexpr std::size_t kWidth = 3;
  const std::uint32_t* row = find_row<kWidth>(kCompositions, [&](const std::uint32_t* r) {
    return r[0] != first ? r[0] < first : r[1] < second;
  });
  if (row == nullptr || row[0] != first || row[1] != second) return std::nullopt;
  return row[2];
}

}  // namespace parapet
