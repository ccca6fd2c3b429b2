#include "structured/utf8_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "base/utf8.h"

namespace parapet {
namespace {

constexpr char32_t kLast = 0x10FFFF;

bool is_surrogate(char32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

bool spells(const Utf8Sequence& sequence, const std::string& bytes) {
  if (bytes.size() != sequence.length) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (byte < sequence.bytes[i].first || byte > sequence.bytes[i].last) return false;
  }
  return true;
}

// How many strings the sequences spell together, overlaps counted twice.
std::size_t count(const std::vector<Utf8Sequence>& sequences) {
  std::size_t total = 0;
  for (const Utf8Sequence& sequence : sequences) {
    std::size_t strings = 1;
    for (std::size_t i = 0; i < sequence.length; ++i) {
      strings *= std::size_t{1} + sequence.bytes[i].last - sequence.bytes[i].first;
    }
    total += strings;
  }
  return total;
}

// Every member is spelled, and no more strings are spelled than there are members: so the sequences
// are exactly the set.
void expect_exact(CodePointRange range) {
  const auto sequences = utf8_sequences(CodePointSet{range});
  std::size_t members = 0;
  std::string bytes;
  for (char32_t c = range.first; c <= range.last; ++c) {
    if (is_surrogate(c)) continue;
    ++members;
    bytes.clear();
    append_utf8(c, bytes);
    const bool spelled = std::any_of(sequences.begin(), sequences.end(),
                                     [&](const auto& s) { return spells(s, bytes); });
    ASSERT_TRUE(spelled) << "U+" << std::hex << static_cast<std::uint32_t>(c);
  }
  EXPECT_EQ(count(sequences), members);
}

TEST(Utf8Ranges, AllCharacters) {
  expect_exact({0, kLast});
  EXPECT_EQ(utf8_sequences(CodePointSet{{0, kLast}}).size(), 9U);
}

TEST(Utf8Ranges, EdgesOfEveryLength) {
  const char32_t edges[] = {0,      1,      0x7E,    0x7F,    0x80,    0x81,   0xBF,   0xC0,
                            0x7FE,  0x7FF,  0x800,   0x801,   0xFFF,   0x1000, 0x1001, 0xD7FF,
                            0xE000, 0xFFFF, 0x10000, 0x10001, 0x3FFFF, 0x40000};
  for (const char32_t first : edges) {
    for (const char32_t last : edges) {
      if (first <= last && last - first < 0x2000) expect_exact({first, last});
    }
  }
  expect_exact({kLast - 100, kLast});
}

TEST(Utf8Ranges, RandomRanges) {
  std::mt19937 rng(7);
  const auto below = [&](unsigned limit) { return static_cast<char32_t>(rng() % limit); };
  for (int i = 0; i < 300; ++i) {
    const char32_t first = below(i % 2 == 0 ? 0x3000 : 0x110000);
    expect_exact({first, std::min<char32_t>(kLast, first + below(0x1800))});
  }
}

TEST(CodePointSet, UnitesWhatOverlapsOrTouches) {
  const CodePointSet set{{U'e', U'g'}, {U'a', U'b'}, {U'c', U'c'}, {U'f', U'h'}, {U'z', U'z'}};
  const std::vector<CodePointRange> expected{{U'a', U'c'}, {U'e', U'h'}, {U'z', U'z'}};
  EXPECT_EQ(set.ranges(), expected);
}

TEST(CodePointSet, NeverHoldsASurrogate) {
  const std::vector<CodePointRange> expected{{0, 0xD7FF}, {0xE000, kLast}};
  EXPECT_EQ((CodePointSet{{0, kLast}}).ranges(), expected);
  EXPECT_EQ(CodePointSet().complement().ranges(), expected);
  EXPECT_TRUE((CodePointSet{{0xD800, 0xDFFF}}).ranges().empty());
}

TEST(CodePointSet, ComplementIsTheRest) {
  const CodePointSet set{{1, U'a'}, {U'c', kLast}};
  const std::vector<CodePointRange> expected{{0, 0}, {U'b', U'b'}};
  EXPECT_EQ(set.complement().ranges(), expected);
  EXPECT_EQ(set.complement().complement().ranges(), set.ranges());
}

}  // namespace
}  // namespace parapet
