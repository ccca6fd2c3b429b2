#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

// The object of a document that must parse. The document is returned through `document`.
JsonObject object_of(std::string_view text, std::optional<JsonDocument>& document) {
  auto parsed = JsonDocument::parse("f.json", text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  document = std::move(parsed).value();
  auto object = document->object();
  EXPECT_TRUE(object) << object.error().message;
  return std::move(object).value();
}

template <class T>
void expect_corrupt(const Result<T>& result, const std::string& message) {
  ASSERT_FALSE(result) << "expected: " << message;
  EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(result.error().message, message);
}

TEST(Json, ReadsFieldsOfEveryType) {
  std::optional<JsonDocument> document;
  const JsonObject json = object_of(
      R"({"i": -3, "n": 0.5, "b": true, "s": "文", "o": {"x": 1}, "a": [1, 2], "z": null})",
      document);
  EXPECT_EQ(json.integer("i").value(), -3);
  EXPECT_EQ(json.number("n").value(), 0.5);
  EXPECT_EQ(json.number("i").value(), -3.0);  // an integer is a number
  EXPECT_EQ(json.boolean("b").value(), true);
  EXPECT_EQ(json.string("s").value(), "文");
  EXPECT_EQ(json.object("o").value().integer("x").value(), 1);
  EXPECT_EQ(json.array("a").value().size(), 2U);
  EXPECT_FALSE(json.find("z"));
  EXPECT_FALSE(json.find("absent"));
}

TEST(Json, FallsBackOnlyWhereThereIsNothing) {
  std::optional<JsonDocument> document;
  const JsonObject json = object_of(R"({"z": null, "s": "x", "i": 4})", document);
  EXPECT_EQ(json.integer_or("z", 7).value(), 7);
  EXPECT_EQ(json.integer_or("absent", 7).value(), 7);
  EXPECT_EQ(json.integer_or("i", 7).value(), 4);
  EXPECT_EQ(json.number_or("absent", 0.5).value(), 0.5);
  EXPECT_EQ(json.boolean_or("absent", true).value(), true);
  EXPECT_EQ(json.string_or("absent", "y").value(), "y");
  expect_corrupt(json.integer_or("s", 7), "f.json: s: expected an integer, found string");
  expect_corrupt(json.number_or("s", 7), "f.json: s: expected a number, found string");
  expect_corrupt(json.boolean_or("i", false), "f.json: i: expected true or false, found integer");
  expect_corrupt(json.string_or("i", ""), "f.json: i: expected a string, found integer");
}

TEST(Json, NamesFileFieldAndTypes) {
  std::optional<JsonDocument> document;
  const JsonObject json = object_of(R"({"n": 1.5, "z": null, "o": {"k": {}}})", document);
  expect_corrupt(json.integer("n"), "f.json: n: expected an integer, found number");
  expect_corrupt(json.integer("absent"), "f.json: absent: missing; expected an integer");
  expect_corrupt(json.number("z"), "f.json: z: missing; expected a number");
  expect_corrupt(json.boolean("n"), "f.json: n: expected true or false, found number");
  expect_corrupt(json.string("n"), "f.json: n: expected a string, found number");
  expect_corrupt(json.array("n"), "f.json: n: expected an array, found number");
  expect_corrupt(json.object("n"), "f.json: n: expected an object, found number");
  expect_corrupt(json.object("absent"), "f.json: absent: missing; expected an object");
  expect_corrupt(json.object("o").value().integer("k"),
                 "f.json: o: k: expected an integer, found object");
}

TEST(Json, MakesErrorsOfItsOwnPlace) {
  std::optional<JsonDocument> document;
  const Error error = object_of("{}", document).error(ErrorCode::kUnsupported, "key", "what");
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(error.message, "f.json: key: what");
}

TEST(Json, RefusesIntegersThatDoNotFit) {
  std::optional<JsonDocument> document;
  const JsonObject json = object_of(R"({"u": 18446744073709551615})", document);
  EXPECT_FALSE(json.integer("u"));
  EXPECT_FALSE(JsonDocument::parse("f.json", R"({"i": 18446744073709551616})"));
}

TEST(Json, RefusesTextThatIsNotJson) {
  for (const char* text :
       {"", " ", "{", "{}}", "{\"a\" 1}", "[1,]", "NaN", "[NaN]", "[Infinity]", "[-Infinity]",
        "[1e999]", "[01]", "['a']", "[\"\t\"]", "\"\xff\"", "[\"\\ud800\"]", "{} {}"}) {
    const auto document = JsonDocument::parse("f.json", text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(document.error().message.starts_with("f.json: not valid JSON: ")) << text;
    EXPECT_EQ(document.error().message.find('\n'), std::string::npos) << text;
  }
}

TEST(Json, RefusesARootThatIsNoObject) {
  auto document = JsonDocument::parse("f.json", "[1]");
  ASSERT_TRUE(document) << document.error().message;
  expect_corrupt(document->object(), "f.json: expected an object, found array");
}

std::string object_with_keys(int count, const std::string& last) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text.append("\"k").append(std::to_string(i)).append("\":0,");
  return text.append("\"").append(last).append("\":0}");
}

// Few keys are compared in pairs, many are sorted: both sides of that choice, and its edge.
TEST(Json, RefusesDuplicateKeys) {
  for (const int count : {1, 2, 14, 15, 16, 17, 40, 1000}) {
    for (const std::string& twin :
         {std::string("k0"), std::string("k").append(std::to_string(count - 1))}) {
      auto document = JsonDocument::parse("f.json", object_with_keys(count, twin));
      ASSERT_TRUE(document) << document.error().message;
      expect_corrupt(document->object(), "f.json: the same key stands twice in one object");
    }
    auto unique = JsonDocument::parse("f.json", object_with_keys(count, "other"));
    ASSERT_TRUE(unique) << unique.error().message;
    EXPECT_TRUE(unique->object()) << count;
  }
}

TEST(Json, FindsDuplicatesBehindEscapes) {
  auto document = JsonDocument::parse("f.json", R"({"a": 1, "\u0061": 2})");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_FALSE(document->object());
}

TEST(Json, LimitsDepth) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  EXPECT_TRUE(JsonDocument::parse("f.json", nested(200)));
  EXPECT_FALSE(JsonDocument::parse("f.json", nested(300)));
  EXPECT_FALSE(JsonDocument::parse("f.json", nested(1'000'000)));
  EXPECT_FALSE(JsonDocument::parse("f.json", std::string(1'000'000, '[')));
}

TEST(Json, ElementsSurviveAMove) {
  auto parsed = JsonDocument::parse("f.json", R"({"s": "a string that no small buffer holds"})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const JsonObject json = parsed->object().value();
  const JsonDocument moved = std::move(parsed).value();
  EXPECT_EQ(json.string("s").value(), "a string that no small buffer holds");
}

TEST(Json, ReadsFilesUpToTheirLimit) {
  const TemporaryDirectory directory;
  const auto file = directory.write("f.json", "{\"a\": 1}");
  const auto document = JsonDocument::read(file, 8);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->name(), file.string());
  EXPECT_FALSE(JsonDocument::read(file, 7));
}

TEST(Json, NamesTypes) {
  std::optional<JsonDocument> document;
  const JsonObject json = object_of(
      R"({"object": {}, "array": [], "string": "", "integer": 1, "number": 1.0,
          "boolean": false, "null": null})",
      document);
  for (const auto& field : json.fields()) EXPECT_EQ(json_type_name(field.value), field.key);
}

}  // namespace
}  // namespace parapet
