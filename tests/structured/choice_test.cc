#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "masks.h"
#include "structured/constraints.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const TokenConstraint> choice(const std::vector<std::string>& choices,
                                              std::shared_ptr<const VocabularyTrie> vocabulary) {
  const TokenId end = test::end_of(*vocabulary);
  return choice_constraint(choices, std::move(vocabulary), {end}).value();
}

// What the definition says, choice by choice and token by token.
std::vector<TokenId> expected(const std::vector<std::string>& choices,
                              const VocabularyTrie& vocabulary, const std::string& output) {
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < vocabulary.vocab_size(); ++id) {
    const bool is_end = id == test::end_of(vocabulary);
    const std::string longer = output + std::string(vocabulary.bytes(id));
    for (const std::string& text : choices) {
      if (is_end ? text != output : longer == output || text.compare(0, longer.size(), longer) != 0)
        continue;
      ids.push_back(id);
      break;
    }
  }
  return ids;
}

TEST(Choice, AllowsWhatSomeChoiceGoesOnWith) {
  const std::vector<std::string> choices{"yes",  "yes, but", "no",      ".*",
                                         "護欄", "é",        "(a|b)\n", "no"};
  const auto vocabulary = test::bytes_and(
      {"ye", "s", "es, b", "no!", "護", "欄", "\xE8\xAD", "\xB7\xE6", ".*", "(a", "|b)\n", "no"});
  const auto constraint = choice(choices, vocabulary);
  for (const std::string& text : choices) {
    for (std::size_t n = 0; n <= text.size(); ++n) {
      const std::string output = text.substr(0, n);
      EXPECT_EQ(test::allowed(*constraint, vocabulary->vocab_size(), test::byte_tokens(output)),
                expected(choices, *vocabulary, output))
          << output;
    }
  }
}

TEST(Choice, EndsOnlyWhereNothingCanFollow) {
  const auto vocabulary = test::bytes_and({});
  const auto constraint = choice({"no"}, vocabulary);
  const TokenId end = test::end_of(*vocabulary);
  EXPECT_THAT(test::allowed(*constraint, 257, {'n'}), ElementsAre('o'));
  EXPECT_THAT(test::allowed(*constraint, 257, {'n', 'o'}), ElementsAre(end));
}

TEST(Choice, MayBeNothingAtAll) {
  const auto vocabulary = test::bytes_and({});
  const TokenId end = test::end_of(*vocabulary);
  EXPECT_THAT(test::allowed(*choice({""}, vocabulary), 257, {}), ElementsAre(end));
  EXPECT_THAT(test::allowed(*choice({"", "x"}, vocabulary), 257, {}), ElementsAre('x', end));
}

TEST(Choice, AllowsNothingAfterAWrongStart) {
  const auto vocabulary = test::bytes_and({});
  const auto constraint = choice({"no"}, vocabulary);
  EXPECT_THAT(test::allowed(*constraint, 257, {'x'}), IsEmpty());
  EXPECT_THAT(test::allowed(*constraint, 257, {'n', 'o', 'o'}), IsEmpty());
  EXPECT_THAT(test::allowed(*constraint, 257, {'n', 999}), IsEmpty());
  EXPECT_THAT(test::allowed(*constraint, 257, {'n', -1}), IsEmpty());
  EXPECT_THAT(test::allowed(*constraint, 257, {test::end_of(*vocabulary)}), IsEmpty());
}

TEST(Choice, KeepsManyChoicesApart) {
  std::vector<std::string> choices;
  for (int i = 0; i < 4096; ++i) choices.push_back("label-" + std::to_string(i));
  const auto vocabulary = test::bytes_and({"label-", "40", "99"});
  const auto constraint = choice(choices, vocabulary);
  for (const std::string output :
       {"", "label-", "label-4", "label-40", "label-409", "label-4095"}) {
    EXPECT_EQ(test::allowed(*constraint, vocabulary->vocab_size(), test::byte_tokens(output)),
              expected(choices, *vocabulary, output))
        << output;
  }
}

TEST(Choice, RefusesBadLists) {
  const auto vocabulary = test::bytes_and({});
  const auto message = [&](const std::vector<std::string>& choices) {
    const auto constraint = choice_constraint(choices, vocabulary, {256});
    EXPECT_EQ(constraint.error().code, ErrorCode::kInvalidArgument);
    return constraint.error().message;
  };
  EXPECT_THAT(message({}), HasSubstr("choice: has 0 strings; it takes 1 to 4096"));
  EXPECT_THAT(message(std::vector<std::string>(4097, "a")), HasSubstr("has 4097 strings"));
  EXPECT_THAT(message({"a", "b\xff"}), HasSubstr("choice[1]: \"b\\xff\" is not UTF-8"));
  EXPECT_THAT(message({std::string(65537, 'a')}), HasSubstr("have 65537 bytes together"));
}

TEST(Choice, RefusesBadEndTokens) {
  const auto vocabulary = test::bytes_and({});
  const std::vector<std::string> choices{"a"};
  for (const std::vector<TokenId>& ends : {std::vector<TokenId>{}, {-1}, {256, 257}}) {
    const auto constraint = choice_constraint(choices, vocabulary, ends);
    ASSERT_FALSE(constraint.ok());
    EXPECT_THAT(constraint.error().message, HasSubstr("end_tokens: "));
  }
}

}  // namespace
}  // namespace parapet
