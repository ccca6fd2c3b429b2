#include "guard/verdict_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "guard/verdict_plan.h"
#include "support/paths.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

Tokenizer bundled_tokenizer() {
  auto tokenizer = Tokenizer::load(test::bundled_model());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return std::move(*tokenizer);
}

// Every answer that a tree spells out from its root to a leaf.
std::set<std::string> answers_of(const DraftTree& tree, const Tokenizer& tokenizer) {
  std::set<std::string> answers;
  for (std::size_t leaf = 0; leaf < tree.nodes.size(); ++leaf) {
    const auto index = static_cast<std::int32_t>(leaf);
    if (std::ranges::any_of(tree.nodes, [&](const auto& node) { return node.parent == index; })) {
      continue;
    }
    std::vector<TokenId> path;
    for (auto node = index; node != DraftTree::kRoot;
         node = tree.nodes[static_cast<std::size_t>(node)].parent) {
      path.insert(path.begin(), tree.nodes[static_cast<std::size_t>(node)].token);
    }
    answers.insert(tokenizer.decode(path));
  }
  return answers;
}

class VerdictTokensTest : public testing::Test {
 protected:
  std::vector<TokenId> encode(const std::string& text) const {
    return tokenizer_.encode(text, Origin::kMessage);
  }
  VerdictTokens tokens(GuardMode mode) const {
    auto made = VerdictTokens::make(tokenizer_, mode);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return std::move(*made);
  }

  Tokenizer tokenizer_ = bundled_tokenizer();
};

// The ids are published: with Qwen3's tokenizer the label's first piece is one of these.
TEST(VerdictTokens, LabelsPartAtOneTokenOfQwen3) {
  PARAPET_NEEDS_SHARED_DATA();
  const auto tokenizer = Tokenizer::load(test::shared_data() / "qwen3-tokenizer");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  for (const GuardMode mode : {GuardMode::kPrompt, GuardMode::kResponse}) {
    const auto tokens = VerdictTokens::make(*tokenizer, mode);
    ASSERT_TRUE(tokens.ok()) << tokens.error().message;
    EXPECT_EQ(tokens->labels().head, tokenizer->encode("Safety:", Origin::kMessage));
    EXPECT_THAT(tokens->labels().first_tokens, ElementsAre(22291, 2093, 73067));
    for (const Safety label : kAllSafety) {
      ASSERT_TRUE(tokens->categories(label).has_value());
      EXPECT_EQ(tokens->categories(label)->first_tokens.size(), category_names(mode).size() + 1);
    }
  }
}

TEST_F(VerdictTokensTest, FirstDraftIsTheSafeAnswer) {
  EXPECT_THAT(answers_of(tokens(GuardMode::kPrompt).draft({}), tokenizer_),
              ElementsAre("Safety: Safe\nCategories: None"));
  EXPECT_THAT(answers_of(tokens(GuardMode::kResponse).draft({}), tokenizer_),
              ElementsAre("Safety: Safe\nCategories: None\nRefusal: No",
                          "Safety: Safe\nCategories: None\nRefusal: Yes"));
}

TEST_F(VerdictTokensTest, AfterALabelEveryFirstCategoryFollows) {
  for (const GuardMode mode : {GuardMode::kPrompt, GuardMode::kResponse}) {
    const VerdictTokens all = tokens(mode);
    for (const char* label : {"Safety: Unsafe", "Safety: Controversial"}) {
      const auto answers = answers_of(all.draft(encode(label)), tokenizer_);
      const std::size_t endings = mode == GuardMode::kPrompt ? 1 : 2;
      EXPECT_EQ(answers.size(), (category_names(mode).size() + 1) * endings);
      for (const std::string_view name : category_names(mode)) {
        const std::string ending = mode == GuardMode::kPrompt ? "" : "\nRefusal: Yes";
        EXPECT_TRUE(answers.contains("\nCategories: " + std::string(name) + ending)) << name;
      }
    }
  }
}

TEST_F(VerdictTokensTest, AListGoesOnWithWhatItDoesNotHold) {
  const auto draft =
      tokens(GuardMode::kPrompt).draft(encode("Safety: Unsafe\nCategories: Violent, PII,"));
  const auto answers = answers_of(draft, tokenizer_);
  EXPECT_EQ(answers.size(), 7U);
  EXPECT_TRUE(answers.contains(" Jailbreak"));
  EXPECT_FALSE(answers.contains(" PII"));
}

TEST_F(VerdictTokensTest, OutsideTheFormatNothingIsDrafted) {
  const VerdictTokens all = tokens(GuardMode::kPrompt);
  for (const char* text : {"I cannot", "Safety: Maybe", "Safety: Unsafe\nCategories: Fraud"}) {
    EXPECT_TRUE(all.draft(encode(text)).empty()) << text;
  }
}

// Whoever wants the text alone is spared the rows of nine categories that do not come.
TEST_F(VerdictTokensTest, TheTextAloneIsDraftedAsFarAsItIsAlmostKnown) {
  for (const GuardMode mode : {GuardMode::kPrompt, GuardMode::kResponse}) {
    const auto shared = std::make_shared<const VerdictTokens>(tokens(mode));
    const VerdictDraft plan(shared);
    const auto drafted = [&](const std::string& output) {
      return answers_of(plan.draft(encode(output)), tokenizer_);
    };
    EXPECT_EQ(drafted(""), answers_of(shared->draft({}), tokenizer_));
    EXPECT_THAT(drafted("Safety: Unsafe"), ElementsAre("\nCategories:"));
    EXPECT_TRUE(plan.draft(encode("Safety: Unsafe\nCategories:")).empty());
    EXPECT_TRUE(plan.draft(encode("Safety: Unsafe\nCategories: Violent, PII,")).empty());
    // From a category's first token on, the rest of its name, and either refusal.
    for (std::size_t i = 0; i < category_names(mode).size(); ++i) {
      const std::string text =
          "Safety: Unsafe\nCategories: " + std::string(category_names(mode)[i]);
      std::vector<TokenId> output = shared->categories(Safety::kUnsafe)->head;
      output.push_back(shared->categories(Safety::kUnsafe)->first_tokens[i]);
      const std::string written = tokenizer_.decode(output);
      const auto answers = answers_of(plan.draft(output), tokenizer_);
      if (mode == GuardMode::kResponse) {
        EXPECT_THAT(answers, ElementsAre(text.substr(written.size()) + "\nRefusal: No",
                                         text.substr(written.size()) + "\nRefusal: Yes"));
      } else if (written != text) {
        EXPECT_THAT(answers, ElementsAre(text.substr(written.size())));
      }
    }
    EXPECT_TRUE(plan.watch(encode("Safety:")).empty());
  }
}

TEST_F(VerdictTokensTest, PlansWatchLabelsAndFirstCategories) {
  const auto shared = std::make_shared<const VerdictTokens>(tokens(GuardMode::kResponse));
  const VerdictPlan plan(shared, VerdictPlan::Scope::kWhole);
  EXPECT_EQ(plan.watch(encode("Safety:")).size(), 3U);
  EXPECT_EQ(plan.watch(encode("Safety: Controversial\nCategories:")).size(), 9U);
  EXPECT_TRUE(plan.watch({}).empty());
  EXPECT_TRUE(plan.watch(encode("Safety: Safe")).empty());
  EXPECT_EQ(category_position(*shared, encode("Safety: Unsafe\nCategories:")), Safety::kUnsafe);
}

}  // namespace
}  // namespace parapet
