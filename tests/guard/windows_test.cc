#include "guard/windows.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace parapet {
namespace {

Fits at_most(std::size_t bytes) {
  return [bytes](std::string_view piece) { return piece.size() <= bytes; };
}

bool begins_a_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

TEST(WindowsTest, AWholeTextThatFitsIsOneWindow) {
  const std::string text = "all of it";
  const auto windows = overlapping_windows(text, at_most(100));
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0], text);
  EXPECT_EQ(overlapping_windows("", at_most(0)).size(), 1U);
}

TEST(WindowsTest, CoverEveryByteAndOverlap) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += i % 3 == 0 ? "护" : i % 3 == 1 ? "a" : "😀";
  for (const std::size_t room : {8, 9, 31, 64, 500}) {
    const auto windows = overlapping_windows(text, at_most(room));
    ASSERT_FALSE(windows.empty()) << room;
    const char* covered = text.data();
    for (const std::string_view window : windows) {
      EXPECT_LE(window.size(), room);
      EXPECT_LE(window.data(), covered);
      EXPECT_TRUE(begins_a_character(window.front()));
      EXPECT_GT(window.data() + window.size(), covered);
      // Neighbours share an eighth, as far as characters allow.
      if (room >= 64 && window.data() != text.data()) {
        EXPECT_GE(covered - window.data(), static_cast<std::ptrdiff_t>(room / 8) - 4);
      }
      covered = window.data() + window.size();
    }
    EXPECT_EQ(covered, text.data() + text.size());
  }
}

TEST(WindowsTest, NothingWhereNotOneCharacterFits) {
  EXPECT_TRUE(overlapping_windows("😀😀", at_most(3)).empty());
  EXPECT_TRUE(overlapping_windows("abc", at_most(0)).empty());
}

TEST(WindowsTest, BytesThatAreNoCharactersEndToo) {
  const std::string text(1000, '\x80');
  const auto windows = overlapping_windows(text, at_most(10));
  ASSERT_FALSE(windows.empty());
  EXPECT_EQ(windows.back().data() + windows.back().size(), text.data() + text.size());
}

TEST(WindowsTest, LongestEndBeginsWithACharacter) {
  EXPECT_EQ(longest_end("abcdef", at_most(2)), "ef");
  EXPECT_EQ(longest_end("护护护", at_most(5)), "护");
  EXPECT_EQ(longest_end("abc", at_most(9)), "abc");
  EXPECT_EQ(longest_end("abc", at_most(0)), "");
}

}  // namespace
}  // namespace parapet
