#include "server/json/fields.h"

#include <gtest/gtest.h>

namespace parapet::server {
namespace {

// The message about the only field, `x`, read as Value.
template <class Value, class... Limits>
std::string problem(const char* json, Limits... limits) {
  const Json object = Json::parse(json);
  Fields fields(object);
  Value value = {};
  fields.read("x", value, limits...);
  return fields.error() ? fields.error()->message : "";
}

TEST(Fields, AbsentAndNullLeaveTheValue) {
  const Json object = {{"b", nullptr}};
  Fields fields(object);
  std::int64_t a = 1;
  double b = 2;
  fields.read("a", a);
  fields.read("b", b);
  EXPECT_FALSE(fields.error());
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 2);
}

TEST(Fields, IntegersAreWholeNumbersWithinLimits) {
  EXPECT_EQ((problem<std::int64_t>(R"({"x": 5.0})", 0, 9)), "");
  EXPECT_NE((problem<std::int64_t>(R"({"x": 5.5})", 0, 9)), "");
  EXPECT_NE((problem<std::int64_t>(R"({"x": 1e300})", 0, 9)), "");
  EXPECT_NE((problem<std::int64_t>(R"({"x": 18446744073709551615})", 0, 9)), "");
  EXPECT_NE((problem<std::int64_t>(R"({"x": true})", 0, 9)), "");
  EXPECT_EQ((problem<std::int64_t>(R"({"x": 10})", 0, 9)), "x must be an integer of 0 to 9");
}

TEST(Fields, SeedsTakeAll64Bits) {
  EXPECT_EQ((problem<std::optional<std::uint64_t>>(R"({"x": 18446744073709551615})")), "");
  EXPECT_EQ((problem<std::optional<std::uint64_t>>(R"({"x": -1})")), "");
}

TEST(Fields, TheFirstProblemIsKept) {
  const Json object = {{"a", 1}, {"b", 2}};
  Fields fields(object, "outer.");
  std::string text;
  fields.read("a", text);
  fields.read("b", text);
  ASSERT_TRUE(fields.error());
  EXPECT_EQ(fields.error()->param, "outer.a");
}

TEST(Fields, RefusesWhatIsAskedFor) {
  for (const char* harmless : {"null", "false", "[]", "{}"}) {
    const Json object = {{"tools", Json::parse(harmless)}};
    Fields fields(object);
    fields.refuse("tools", "there are none");
    EXPECT_FALSE(fields.error()) << harmless;
  }
  const Json object = {{"tools", Json::array({1})}};
  Fields fields(object);
  fields.refuse("tools", "there are none");
  EXPECT_TRUE(fields.error());
}

TEST(Fields, AListIsNoObject) {
  const Json list = Json::array();
  Fields fields(list);
  bool value = false;
  fields.read("x", value);
  EXPECT_TRUE(fields.error());
}

}  // namespace
}  // namespace parapet::server
