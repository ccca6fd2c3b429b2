#include "structured/regex_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "structured/dfa.h"
#include "structured/regex_compiler.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct Refusal {
  std::string pattern;
  ErrorCode code;
  std::string message;  // a part of it
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.pattern;
}

class RefusedRegex : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedRegex, SaysWhereAndWhy) {
  const auto tree = parse_regex(GetParam().pattern);
  ASSERT_FALSE(tree.ok());
  EXPECT_EQ(tree.error().code, GetParam().code);
  EXPECT_THAT(tree.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(tree.error().message.find('\n'), std::string::npos);
}

constexpr auto kInvalid = ErrorCode::kInvalidArgument;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

INSTANTIATE_TEST_SUITE_P(
    Syntax, RefusedRegex,
    ::testing::Values(
        Refusal{"ab)", kInvalid, "regex \"ab)\", position 2: ) closes no group"},
        Refusal{"a(b", kInvalid, "position 1: ( has no closing )"},
        Refusal{"a[b", kInvalid, "position 1: [ has no closing ]"},
        Refusal{"[]", kInvalid, "position 0: [ has no closing ]"},
        Refusal{"x\\", kInvalid, "position 1: a backslash at the end escapes nothing"},
        Refusal{"*a", kInvalid, "position 0: a quantifier with nothing before it"},
        Refusal{"(a|{2})", kInvalid, "position 3: a quantifier with nothing before it"},
        Refusal{"a+*", kInvalid, "position 2: a second quantifier"},
        Refusal{"a{2}{3}", kInvalid, "position 4: a second quantifier"},
        Refusal{"護{3,2}", kInvalid, "position 1: the larger count comes second"},
        Refusal{"a{20001}", kInvalid, "position 1: a count is over the limit of 20000"},
        Refusal{"a{1,99999999999999999999}", kInvalid, "over the limit of 20000"},
        Refusal{"[z-a]", kInvalid, "position 1: a range goes from one character"},
        Refusal{"[\\d-z]", kInvalid, "position 1: a range goes from one character"},
        Refusal{"\\x4", kInvalid, "position 0: the escape takes 2 hexadecimal digits"},
        Refusal{"\\u12g4", kInvalid, "position 0: the escape takes 4 hexadecimal digits"},
        Refusal{"\\ud800", kInvalid, "position 0: a surrogate is no character"},
        Refusal{"(?P<1>a)", kInvalid, "position 4: a group's name"},
        Refusal{"(?P<>a)", kInvalid, "position 4: a group's name"},
        Refusal{"(?P<n", kInvalid, "position 4: a group's name"},
        Refusal{"\xff", kInvalid, "is not UTF-8"}));

INSTANTIATE_TEST_SUITE_P(
    BeyondAutomata, RefusedRegex,
    ::testing::Values(
        Refusal{"a(?=b)", kUnsupported, "position 1: lookahead is not supported"},
        Refusal{"a(?!b)", kUnsupported, "position 1: lookahead is not supported"},
        Refusal{"(?<=b)a", kUnsupported, "position 0: lookbehind is not supported"},
        Refusal{"(?<!b)a", kUnsupported, "position 0: lookbehind is not supported"},
        Refusal{"(?>a)", kUnsupported, "position 0: atomic groups are not supported"},
        Refusal{"(?i)a", kUnsupported, "position 0: flags"},
        Refusal{"(?i:a)", kUnsupported, "position 0: flags"},
        Refusal{"(?<n>a)", kUnsupported, "position 0: flags and other (?...) groups"},
        Refusal{"(?#x)", kUnsupported, "position 0: comments are not supported"},
        Refusal{"(a)(?(1)b)", kUnsupported, "position 3: conditions are not supported"},
        Refusal{"(?P<n>a)(?P=n)", kUnsupported, "position 8: backreferences are not supported"},
        Refusal{"(a)\\1", kUnsupported, "position 3: backreferences are not supported"},
        Refusal{"a\\b", kUnsupported, "position 1: word boundaries"},
        Refusal{"[\\b]", kUnsupported, "position 1: word boundaries"},
        Refusal{"\\Aa\\Z", kUnsupported, "position 0: \\A and \\Z are not supported"},
        Refusal{"\\p{L}", kUnsupported, "position 0: \\p is not a supported escape"},
        Refusal{"\\012", kUnsupported, "position 0: octal escapes are not supported"},
        Refusal{"a++", kUnsupported, "position 2: possessive quantifiers are not supported"},
        Refusal{"a{2}+", kUnsupported, "position 4: possessive quantifiers are not supported"},
        Refusal{"a^b", kUnsupported, "position 1: ^ is supported at the beginning"},
        Refusal{"(^a)", kUnsupported, "position 1: ^ is supported at the beginning"},
        Refusal{"a$b", kUnsupported, "position 1: $ is supported at the end"},
        Refusal{"(a$)", kUnsupported, "position 2: $ is supported at the end"}));

TEST(RegexLimits, Length) {
  EXPECT_TRUE(compile_regex(std::string(16 << 10, 'a')).ok());
  const auto refused = compile_regex(std::string((16 << 10) + 1, 'a'));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("16385 bytes is over the limit of 16384"));
}

TEST(RegexLimits, Depth) {
  EXPECT_TRUE(compile_regex(repeated("(", 100) + repeated(")", 100)).ok());
  const auto refused = compile_regex(repeated("(", 101) + repeated(")", 101));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("position 100: groups nest deeper than 100"));
  EXPECT_FALSE(compile_regex(repeated("(", 16 << 10)).ok());
}

TEST(RegexLimits, States) {
  EXPECT_TRUE(compile_regex(".{0,2000}").ok());
  const std::string refused[] = {
      "((a{1000}){1000}){1000}", "(((((a{9}){99}){999}){999}){999}){999}", "(.{0,999}){0,999}",
      "((){9999}){9999}",        "((((|){9999}){9999}){9999}){9999}",      "((a{0}){9999}){9999}",
      "[a-z護]{20000}"};
  for (const std::string& pattern : refused) {
    const auto nfa = compile_regex(pattern);
    ASSERT_FALSE(nfa.ok()) << pattern;
    EXPECT_EQ(nfa.error().code, kInvalid);
    EXPECT_THAT(nfa.error().message, HasSubstr("needs more than 20000 states"));
  }
}

TEST(RegexLimits, AWideClassThatIsRepeated) {
  std::string pattern = "[";
  for (int c = 0; c < 2500; ++c) {  // every other character, so that no two make a range
    const int code = 0x4E00 + 2 * c;
    pattern += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
  }
  EXPECT_TRUE(compile_regex(pattern + "]{5}").ok());
  EXPECT_FALSE(compile_regex(pattern + "]{100}").ok());
  EXPECT_FALSE(compile_regex(pattern + "]{20000}").ok());
}

TEST(RegexLanguage, WithoutAnyTextIsRefused) {
  for (const char* pattern : {"[^\\s\\S]", "a[^\\w\\W]b", "[^\\s\\S]+|[^\\d\\D]"}) {
    const auto nfa = compile_regex(pattern);
    ASSERT_FALSE(nfa.ok());
    EXPECT_THAT(nfa.error().message, HasSubstr("matches no text at all"));
  }
  EXPECT_TRUE(compile_regex("[^\\s\\S]*").ok());
}

}  // namespace
}  // namespace parapet
