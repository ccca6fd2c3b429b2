#include "server/json/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "server/json/json.h"

namespace parapet::server {
namespace {

template <class T>
std::string written(const T& value) {
  JsonWriter json;
  json.value(value);
  return json.take();
}

TEST(JsonWriter, PutsCommasAndColonsWhereTheyBelong) {
  JsonWriter json;
  json.begin_object();
  json.field("a", std::int64_t{-1});
  json.key("b");
  json.begin_array();
  json.value(true);
  json.begin_object();
  json.end_object();
  json.value(nullptr);
  json.begin_array();
  json.end_array();
  json.end_array();
  json.key("c");
  json.json(R"({"d":[]})");
  json.field("e", "f");
  json.end_object();
  EXPECT_EQ(json.text(), R"({"a":-1,"b":[true,{},null,[]],"c":{"d":[]},"e":"f"})");
}

TEST(JsonWriter, WritesNumbersThatReadBackAsTheSame) {
  for (const double number : {0.0, -0.0, 1.0, 0.1, 1e-5, 0.95, 123456.0, 1e300}) {
    EXPECT_EQ(written(number), to_text(Json(number)));
  }
  std::mt19937_64 random(20261125);
  for (int i = 0; i < 10000; ++i) {
    const auto number = std::bit_cast<double>(random());
    const std::string text = written(number);
    if (!std::isfinite(number)) {
      EXPECT_EQ(text, "null");
      continue;
    }
    const auto read = parse_json(text);
    ASSERT_TRUE(read) << text;
    EXPECT_TRUE(read->is_number_float()) << text;
    EXPECT_EQ(read->get<double>(), number) << text;
  }
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(JsonWriter, WritesTextsAsTheLibraryDoes) {
  std::mt19937_64 random(20261125);
  for (int i = 0; i < 10000; ++i) {
    std::string text(random() % 8, '\0');
    for (char& c : text) c = static_cast<char>(random());
    EXPECT_EQ(written(text), to_text(Json(text)));
  }
  EXPECT_EQ(written("plain /text"), "\"plain /text\"");
  EXPECT_EQ(written("\"\\\n\x7f"), to_text(Json("\"\\\n\x7f")));
}

}  // namespace
}  // namespace parapet::server
