#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "checkpoint/safetensors_writer.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<std::vector<SafetensorsEntry>> parse(const std::string& bytes) {
  return parse_safetensors("f", std::as_bytes(std::span(bytes)));
}

void expect_error(const std::string& bytes, ErrorCode code, const std::string& message) {
  const auto entries = parse(bytes);
  ASSERT_FALSE(entries) << "expected: " << message;
  EXPECT_EQ(entries.error().code, code) << message;
  EXPECT_EQ(entries.error().message, message);
}

std::string with_length(std::uint64_t length, std::string_view rest) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(rest);
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirBytes) {
  const auto bytes =
      safetensors_bytes(R"({"b":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
                        R"("__metadata__":{"format":"pt"},)"
                        R"("a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}  )",
                        "abcdefghijkl");
  const auto entries = parse(bytes);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  const SafetensorsEntry& a = entries->at(0);
  const SafetensorsEntry& b = entries->at(1);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_THAT(a.shape, ElementsAre(2));
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dtype, DType::kF32);
  EXPECT_THAT(b.shape, ElementsAre(1, 2));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(b.data.data()), b.data.size()), "efghijkl");
  EXPECT_EQ(reinterpret_cast<const char*>(b.data.data()), bytes.data() + bytes.size() - 8);
}

TEST(Safetensors, KnowsTypesThatWeightsAreNotMadeOf) {
  const auto entries = parse(
      safetensors_bytes(R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "abcdefgh"));
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->at(0).dtype_name, "I64");
  EXPECT_EQ(entries->at(0).dtype, std::nullopt);
}

TEST(Safetensors, ReadsScalarsAndEmptyTensors) {
  const auto entries =
      parse(safetensors_bytes(R"({"s":{"dtype":"F16","shape":[],"data_offsets":[0,2]},)"
                              R"("e":{"dtype":"F32","shape":[0,3],"data_offsets":[2,2]}})",
                              "ab"));
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_THAT(entries->at(0).shape, IsEmpty());
  EXPECT_THAT(entries->at(1).shape, ElementsAre(0, 3));
  EXPECT_TRUE(parse(safetensors_bytes("{}", "")));
}

TEST(Safetensors, RefusesLengthsThatTheFileDoesNotHave) {
  expect_error("", ErrorCode::kCorrupt,
               "f: 0 bytes; a safetensors file begins with 8 bytes of header length");
  expect_error("1234567", ErrorCode::kCorrupt,
               "f: 7 bytes; a safetensors file begins with 8 bytes of header length");
  expect_error(with_length(std::uint64_t{1} << 63, "{}"), ErrorCode::kCorrupt,
               "f: header of 9223372036854775808 bytes, but only 2 bytes follow its length; "
               "truncated, or not safetensors");
  expect_error(with_length(~std::uint64_t{0}, "{}"), ErrorCode::kCorrupt,
               "f: header of 18446744073709551615 bytes, but only 2 bytes follow its length; "
               "truncated, or not safetensors");
  expect_error(with_length(3, "{}"), ErrorCode::kCorrupt,
               "f: header of 3 bytes, but only 2 bytes follow its length; truncated, or not "
               "safetensors");
  expect_error(with_length(0, "{}"), ErrorCode::kCorrupt,
               "f: header does not begin with '{'; not a safetensors file");
  expect_error(safetensors_bytes(" {}", ""), ErrorCode::kCorrupt,
               "f: header does not begin with '{'; not a safetensors file");
}

TEST(Safetensors, RefusesAHeaderAboveTheLimit) {
  std::string bytes = with_length(100'000'001, "{");
  bytes.resize(8 + 100'000'001, ' ');
  expect_error(bytes, ErrorCode::kCorrupt,
               "f: header of 100000001 bytes; at most 100000000 are allowed");
}

TEST(Safetensors, RefusesBrokenJson) {
  for (const char* header : {"{", "{}}", "{\"a\":}", "{\"a\":{\"dtype\":\"\xff\"}}"}) {
    const auto entries = parse(safetensors_bytes(header, ""));
    ASSERT_FALSE(entries) << header;
    EXPECT_EQ(entries.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(entries.error().message.starts_with("f: header: not valid JSON: ")) << header;
  }
  expect_error(safetensors_bytes(R"({"a":1})", ""), ErrorCode::kCorrupt,
               "f: tensor \"a\": expected an object, found integer");
  expect_error(safetensors_bytes(R"({"__metadata__":{"format":1}})", ""), ErrorCode::kCorrupt,
               "f: __metadata__: \"format\": expected a string, found integer");
}

TEST(Safetensors, RefusesANameThatStandsTwice) {
  expect_error(safetensors_bytes(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                                 R"("a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
                                 "abcd"),
               ErrorCode::kCorrupt, "f: header: the same key stands twice in one object");
}

// One tensor "a" of these fields over eight bytes of data.
std::string one_tensor(const std::string& dtype, const std::string& shape,
                       const std::string& offsets) {
  return safetensors_bytes(
      "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}",
      "12345678");
}

TEST(Safetensors, RefusesBadFields) {
  const struct {
    const char* dtype;
    const char* shape;
    const char* offsets;
    ErrorCode code;
    const char* message;
  } cases[] = {
      {"\"F4\"", "[4]", "[0,8]", ErrorCode::kUnsupported, "dtype: \"F4\" is not known"},
      {"\"f16\\n\"", "[4]", "[0,8]", ErrorCode::kUnsupported, "dtype: \"f16\\x0a\" is not known"},
      {"2", "[4]", "[0,8]", ErrorCode::kCorrupt, "dtype: expected a string, found integer"},
      {"\"F16\"", "4", "[0,8]", ErrorCode::kCorrupt, "shape: expected an array, found integer"},
      {"\"F16\"", "[-4]", "[0,8]", ErrorCode::kCorrupt,
       "shape: must hold integers of at least 0 only"},
      {"\"F16\"", "[4.0]", "[0,8]", ErrorCode::kCorrupt,
       "shape: must hold integers of at least 0 only"},
      {"\"F16\"", "[18446744073709551615]", "[0,8]", ErrorCode::kCorrupt,
       "shape: must hold integers of at least 0 only"},
      {"\"F16\"", "[4294967296,2147483648]", "[0,0]", ErrorCode::kCorrupt,
       "shape: more than 2^64 bytes"},
      {"\"F16\"", "[4611686018427387904,4,0]", "[0,0]", ErrorCode::kCorrupt,
       "shape: more than 2^64 bytes"},
      {"\"F16\"", "[4]", "[0]", ErrorCode::kCorrupt,
       "data_offsets: must be two integers, begin and end, with 0 <= begin <= end"},
      {"\"F16\"", "[4]", "[0,8,8]", ErrorCode::kCorrupt,
       "data_offsets: must be two integers, begin and end, with 0 <= begin <= end"},
      {"\"F16\"", "[4]", "[-8,0]", ErrorCode::kCorrupt,
       "data_offsets: must be two integers, begin and end, with 0 <= begin <= end"},
      {"\"F16\"", "[4]", "[8,0]", ErrorCode::kCorrupt,
       "data_offsets: must be two integers, begin and end, with 0 <= begin <= end"},
      {"\"F16\"", "[4]", "null", ErrorCode::kCorrupt, "data_offsets: missing; expected an array"},
      {"\"F16\"", "[3]", "[0,8]", ErrorCode::kCorrupt,
       "data_offsets: bytes 0 to 8 are 8 bytes; dtype and shape need 6"},
      {"\"BF16\"", "[4]", "[18446744073709551607,18446744073709551615]", ErrorCode::kCorrupt,
       "needs bytes 18446744073709551607 to 18446744073709551615 of the data, but the file holds "
       "8; truncated?"},
  };
  for (const auto& test : cases) {
    const std::string separator = std::string_view(test.message).starts_with("needs") ? " " : ": ";
    expect_error(one_tensor(test.dtype, test.shape, test.offsets), test.code,
                 "f: tensor \"a\"" + separator + test.message);
  }
}

// Two tensors of eight bytes, at these offsets, over `data_bytes` bytes of data.
std::string two_tensors(std::uint64_t first, std::uint64_t second, std::size_t data_bytes) {
  std::string header = "{";
  for (const auto& [name, begin] : {std::pair("\"a\"", first), std::pair(",\"b\"", second)}) {
    header.append(name).append(R"(:{"dtype":"F32","shape":[2],"data_offsets":[)");
    header.append(std::to_string(begin)).append(",").append(std::to_string(begin + 8));
    header.append("]}");
  }
  return safetensors_bytes(header.append("}"), std::string(data_bytes, 'x'));
}

TEST(Safetensors, RefusesOverlapsHolesAndRests) {
  EXPECT_TRUE(parse(two_tensors(8, 0, 16)));
  expect_error(two_tensors(0, 4, 12), ErrorCode::kCorrupt,
               "f: tensor \"b\": data_offsets begin at byte 4 of the data, inside tensor \"a\", "
               "which ends at 8");
  expect_error(two_tensors(0, 0, 8), ErrorCode::kCorrupt,
               "f: tensor \"b\": data_offsets begin at byte 0 of the data, inside tensor \"a\", "
               "which ends at 8");
  expect_error(two_tensors(0, 12, 20), ErrorCode::kCorrupt,
               "f: bytes 8 to 12 of the data, before tensor \"b\", belong to no tensor");
  expect_error(two_tensors(4, 12, 20), ErrorCode::kCorrupt,
               "f: bytes 0 to 4 of the data, before tensor \"a\", belong to no tensor");
  expect_error(two_tensors(0, 8, 17), ErrorCode::kCorrupt,
               "f: bytes 16 to 17 of the data, at its end, belong to no tensor");
}

TEST(Safetensors, NamesTheTensorThatATruncatedFileLacks) {
  const std::string whole = two_tensors(0, 8, 16);
  expect_error(whole.substr(0, whole.size() - 1), ErrorCode::kCorrupt,
               "f: tensor \"b\" needs bytes 8 to 16 of the data, but the file holds 15; "
               "truncated?");
  expect_error(whole.substr(0, whole.size() - 9), ErrorCode::kCorrupt,
               "f: tensor \"a\" needs bytes 0 to 8 of the data, but the file holds 7; truncated?");
}

// Every prefix of a good file is refused, whatever it cuts.
TEST(Safetensors, RefusesEveryPrefix) {
  const std::string whole = two_tensors(0, 8, 16);
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace parapet
