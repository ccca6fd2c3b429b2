#include "base/quote.h"

#include <gtest/gtest.h>

namespace parapet {
namespace {

TEST(Quote, LeavesPrintableAsciiAlone) {
  EXPECT_EQ(quote("model.norm.weight"), "\"model.norm.weight\"");
  EXPECT_EQ(quote(""), "\"\"");
  EXPECT_EQ(quote(" ~"), "\" ~\"");
}

TEST(Quote, EscapesWhatCouldMislead) {
  EXPECT_EQ(quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quote(std::string_view("\0\n\x1b[31m\x7f", 8)), R"("\x00\x0a\x1b[31m\x7f")");
  EXPECT_EQ(quote("\xe2\x80\xa8"), R"("\xe2\x80\xa8")");
}

TEST(Quote, CutsLongText) {
  const std::string longest(120, 'x');
  EXPECT_EQ(quote(longest), std::string("\"").append(longest).append("\""));
  EXPECT_EQ(quote(longest + "x"), std::string("\"").append(longest).append("...\""));
}

}  // namespace
}  // namespace parapet
