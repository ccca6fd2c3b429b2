#include "guard/verdict_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseVerdict, ReadsPromptVerdicts) {
  const auto safe = parse_verdict("Safety: Safe\nCategories: None", GuardMode::kPrompt);
  ASSERT_TRUE(safe.ok());
  EXPECT_EQ(safe->safety, Safety::kSafe);
  EXPECT_THAT(safe->categories, IsEmpty());
  EXPECT_FALSE(safe->refusal.has_value());

  const auto two =
      parse_verdict("Safety: Unsafe\nCategories: Violent, Suicide & Self-Harm", GuardMode::kPrompt);
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->safety, Safety::kUnsafe);
  EXPECT_THAT(two->categories, ElementsAre("Violent", "Suicide & Self-Harm"));
}

TEST(ParseVerdict, ReadsResponseVerdicts) {
  const auto refused =
      parse_verdict("Safety: Safe\nCategories: None\nRefusal: Yes", GuardMode::kResponse);
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->refusal, true);
  const auto complied = parse_verdict(
      "Safety: Controversial\nCategories: PII, Unethical Acts\nRefusal: No", GuardMode::kResponse);
  ASSERT_TRUE(complied.ok());
  EXPECT_EQ(complied->safety, Safety::kControversial);
  EXPECT_THAT(complied->categories, ElementsAre("PII", "Unethical Acts"));
  EXPECT_EQ(complied->refusal, false);
}

struct Refused {
  const char* text;
  GuardMode mode;
  std::size_t byte;
  const char* expected;
};

class RefusedVerdict : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedVerdict, SaysWhereAndWhatWasExpected) {
  const auto& [text, mode, byte, expected] = GetParam();
  const auto parsed = parse_verdict(text, mode);
  ASSERT_FALSE(parsed.ok()) << text;
  EXPECT_EQ(parsed.error().code, ErrorCode::kMalformedOutput);
  EXPECT_THAT(parsed.error().message, HasSubstr("byte " + std::to_string(byte) + ":"));
  EXPECT_THAT(parsed.error().message, HasSubstr(expected));
}

INSTANTIATE_TEST_SUITE_P(
    Grammar, RefusedVerdict,
    ::testing::Values(
        Refused{"", GuardMode::kPrompt, 0, "'Safety: '"},
        Refused{"safety: Safe\nCategories: None", GuardMode::kPrompt, 0, "'Safety: '"},
        Refused{"Safety: Saf", GuardMode::kPrompt, 8, "'Safe', 'Controversial' or 'Unsafe'"},
        Refused{"Safety: Maybe\nCategories: None", GuardMode::kPrompt, 8, "'Unsafe'"},
        Refused{"Safety: Safe", GuardMode::kPrompt, 12, "'\\nCategories: '"},
        Refused{"Safety: Safely\nCategories: None", GuardMode::kPrompt, 12, "'\\nCategories: '"},
        Refused{"Safety: Safe\nCategories: Violent", GuardMode::kPrompt, 25, "'None'"},
        Refused{"Safety: Unsafe\nCategories: Theft", GuardMode::kPrompt, 27, "'Violent'"},
        Refused{"Safety: Unsafe\nCategories: Violent,", GuardMode::kPrompt, 34, "', '"},
        Refused{"Safety: Unsafe\nCategories: Violent, None", GuardMode::kPrompt, 36, "'PII'"},
        Refused{"Safety: Unsafe\nCategories: Violent, Violent", GuardMode::kPrompt, 36,
                "not named before"},
        Refused{"Safety: Safe\nCategories: None\n", GuardMode::kPrompt, 29, "end of the answer"},
        Refused{"Safety: Safe\nCategories: None\nRefusal: No", GuardMode::kPrompt, 29,
                "end of the answer"},
        Refused{"Safety: Safe\nCategories: None", GuardMode::kResponse, 29, "'\\nRefusal: '"},
        Refused{"Safety: Safe\nCategories: None\nRefusal: Maybe", GuardMode::kResponse, 39,
                "'No' or 'Yes'"},
        Refused{"Safety: Unsafe\nCategories: Jailbreak\nRefusal: No", GuardMode::kResponse, 27,
                "'Violent'"}));

std::string random_verdict(std::mt19937& random, GuardMode mode) {
  const Safety safety = kAllSafety[random() % 3];
  std::string text = std::string(kSafetyHead) + to_string(safety) + std::string(kCategoriesHead);
  std::vector<std::string_view> names(category_names(mode).begin(), category_names(mode).end());
  std::shuffle(names.begin(), names.end(), random);
  names.resize(safety == Safety::kSafe ? 0 : random() % (names.size() + 1));
  if (names.empty()) text += kNoCategory;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += kCategorySeparator;
    text += names[i];
  }
  if (mode == GuardMode::kResponse) {
    text += std::string(kRefusalHead) + std::string(random() % 2 == 0 ? kRefusalNo : kRefusalYes);
  }
  return text;
}

// A generation is ended at the first kBroken, so no beginning of a verdict may be called that; and
// once broken, nothing that follows can mend it.
TEST(ReadVerdict, NeverBreaksOnAPrefixAndNeverMends) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    const GuardMode mode = round % 2 == 0 ? GuardMode::kPrompt : GuardMode::kResponse;
    const std::string text = random_verdict(random, mode);
    ASSERT_EQ(read_verdict(text, mode).progress, VerdictProgress::kComplete) << text;
    for (std::size_t length = 0; length < text.size(); ++length) {
      ASSERT_NE(read_verdict(text.substr(0, length), mode).progress, VerdictProgress::kBroken)
          << text.substr(0, length);
    }
    std::string broken = text;
    broken[random() % broken.size()] = static_cast<char>('!' + random() % 94);
    if (read_verdict(broken, mode).progress == VerdictProgress::kBroken) {
      EXPECT_EQ(read_verdict(broken + text, mode).progress, VerdictProgress::kBroken) << broken;
    }
  }
}

TEST(IsBlocked, FollowsThePolicyAndFailsClosed) {
  Verdict verdict;
  EXPECT_TRUE(is_blocked(verdict, Policy::kStrict));
  EXPECT_TRUE(is_blocked(verdict, Policy::kLoose));
  verdict.safety = Safety::kControversial;
  EXPECT_TRUE(is_blocked(verdict, Policy::kStrict));
  EXPECT_FALSE(is_blocked(verdict, Policy::kLoose));
  verdict.safety = Safety::kSafe;
  EXPECT_FALSE(is_blocked(verdict, Policy::kStrict));
  verdict.safety = Safety::kUnsafe;
  EXPECT_TRUE(is_blocked(verdict, Policy::kLoose));
}

}  // namespace
}  // namespace parapet
