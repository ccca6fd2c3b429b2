#include "terminal.h"

#include <gtest/gtest.h>

namespace parapet::cli {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("护栏"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);  // a combining accent takes no column
}

TEST(OneLine, CutsAtTheWidth) {
  EXPECT_EQ(one_line("short", 10), "short");
  EXPECT_EQ(one_line("exactly 10", 10), "exactly 10");
  EXPECT_EQ(one_line("one more than", 10), "one more …");
  EXPECT_EQ(one_line("护栏护栏", 5), "护栏…");
}

// A text under judgement must not drive the terminal of whoever looks at its verdict.
TEST(OneLine, ShowsNoControlOrDirectionCharacters) {
  EXPECT_EQ(one_line("a\nb\tc", 20), "a⏎b c");
  EXPECT_EQ(one_line("\033[2Jgone", 20), " [2Jgone");
  EXPECT_EQ(one_line("\u202Eabc", 20), "abc");
  EXPECT_EQ(one_line("bad\xff\xfe", 20), "bad\uFFFD\uFFFD");
}

}  // namespace
}  // namespace parapet::cli
