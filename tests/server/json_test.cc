#include "server/json/json.h"

#include <gtest/gtest.h>

namespace parapet::server {
namespace {

TEST(Json, RefusesWhatIsNone) {
  for (const std::string text : {"", "{", "nul", "{\"a\": 1,}", "\"\xff\"", "\"\\ud800\"", "1 2"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
  EXPECT_TRUE(parse_json('"' + std::string(100, '[') + '"'));  // brackets of a string are none
  EXPECT_TRUE(parse_json(R"(["\\", "\"[[", "\\\""])"));
}

TEST(Json, WritesBrokenTextAsReplacementCharacters) {
  EXPECT_EQ(to_text({{"a", "\xff"}}), "{\"a\":\"\uFFFD\"}");
}

}  // namespace
}  // namespace parapet::server
