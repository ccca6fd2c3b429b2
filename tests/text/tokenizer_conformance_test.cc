// Every frozen answer of the reference package, encoded and decoded.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "support/paths.h"
#include "text/golden_corpus.h"

namespace parapet::testing {
namespace {

// A count as people read it: 21,034.
std::string grouped(std::size_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

bool conforms(const Tokenizer& tokenizer, const GoldenCase& golden) {
  const bool encodes =
      golden.decode_only() || tokenizer.encode(golden.text, Origin::kTemplate) == golden.ids;
  return encodes && tokenizer.decode(golden.ids) == golden.decoded &&
         tokenizer.decode(golden.ids, true) == golden.decoded_without_special;
}

void check_corpus(const Tokenizer& tokenizer, const std::string& file, std::size_t at_least) {
  const auto cases = read_golden_corpus(golden_directory() / file);
  ASSERT_GE(cases.size(), at_least);
  std::size_t equal = 0;
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (conforms(tokenizer, cases[i])) {
      ++equal;
    } else if (i - equal < kShown) {
      EXPECT_EQ(tokenizer.encode(cases[i].text, Origin::kTemplate), cases[i].ids)
          << "case " << i << ": " << ::testing::PrintToString(cases[i].text);
      EXPECT_EQ(tokenizer.decode(cases[i].ids), cases[i].decoded) << "case " << i;
    }
  }
  std::printf("tokenizer conformance (%s): %s of %s strings\n", file.c_str(),
              grouped(equal).c_str(), grouped(cases.size()).c_str());
  EXPECT_EQ(equal, cases.size());
}

TEST(TokenizerConformance, Qwen3) {
  PARAPET_NEEDS_SHARED_DATA();
  check_corpus(load_qwen3(), "qwen3.bin", 20000);
}

TEST(TokenizerConformance, EveryFlagOfAddedTokens) {
  check_corpus(load_flags(), "flags.bin", 15000);
}

TEST(TokenizerConformance, GuardPromptsHaveThePublishedLengths) {
  PARAPET_NEEDS_SHARED_DATA();
  const Tokenizer tokenizer = load_qwen3();
  const auto prompts = test::shared_data() / "guard-prompts";
  const auto count = [&](const char* file) {
    return tokenizer.encode(read_text(prompts / file), Origin::kTemplate).size();
  };
  EXPECT_EQ(count("prompt-moderation.txt"), 303U);
  EXPECT_EQ(count("response-moderation.txt"), 414U);
}

}  // namespace
}  // namespace parapet::testing
