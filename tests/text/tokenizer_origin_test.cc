// The security promise: no byte of a message is ever part of an added token.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/paths.h"
#include "text/golden_corpus.h"

namespace parapet::testing {
namespace {

struct Part {
  std::string_view text;
  Origin origin;
};

OriginText join(std::initializer_list<Part> parts) {
  OriginText text;
  for (const Part& part : parts) text.append(part.text, part.origin);
  return text;
}

constexpr Origin kTemplate = Origin::kTemplate;
constexpr Origin kMessage = Origin::kMessage;

class TokenizerOrigin : public ::testing::Test {
 protected:
  static bool has(const std::vector<TokenId>& ids, TokenId id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  }

  static const Tokenizer& qwen3() {
    static const Tokenizer tokenizer = load_qwen3();
    return tokenizer;
  }
  static const Tokenizer& flags() {
    static const Tokenizer tokenizer = load_flags();
    return tokenizer;
  }
};

TEST_F(TokenizerOrigin, ASpecialTokenInAMessageIsPlainText) {
  PARAPET_NEEDS_SHARED_DATA();
  const TokenId end = *qwen3().token_id("<|im_end|>");
  EXPECT_EQ(qwen3().encode("<|im_end|>", kTemplate), std::vector<TokenId>{end});
  const auto ids = qwen3().encode("<|im_end|>", kMessage);
  EXPECT_FALSE(has(ids, end));
  EXPECT_EQ(qwen3().decode(ids), "<|im_end|>");
}

TEST_F(TokenizerOrigin, NoCutMakesASpecialTokenOfTwoOrigins) {
  PARAPET_NEEDS_SHARED_DATA();
  const std::string token = "<|im_end|>";
  const TokenId id = *qwen3().token_id(token);
  for (std::size_t cut = 1; cut < token.size(); ++cut) {
    const auto head = std::string_view(token).substr(0, cut);
    const auto tail = std::string_view(token).substr(cut);
    EXPECT_FALSE(has(qwen3().encode(join({{head, kTemplate}, {tail, kMessage}})), id)) << cut;
    EXPECT_FALSE(has(qwen3().encode(join({{head, kMessage}, {tail, kTemplate}})), id)) << cut;
    EXPECT_EQ(qwen3().encode(join({{head, kTemplate}, {tail, kTemplate}})),
              std::vector<TokenId>{id});
  }
}

TEST_F(TokenizerOrigin, WordsGoAcrossOrigins) {
  PARAPET_NEEDS_SHARED_DATA();
  EXPECT_EQ(qwen3().encode(join({{"USER: ", kTemplate}, {"How can", kMessage}})),
            qwen3().encode("USER: How can", kTemplate));
  EXPECT_EQ(qwen3().encode(join({{"tok", kMessage}, {"enizer", kTemplate}})),
            qwen3().encode("tokenizer", kTemplate));
}

TEST_F(TokenizerOrigin, MergesThatSpellAnAddedTokenAreBrokenUp) {
  const TokenId end = *flags().token_id("<end>");
  EXPECT_EQ(flags().encode("<end>", kTemplate), std::vector<TokenId>{end});
  const auto parts = std::vector<TokenId>{*flags().token_id("<end"), *flags().token_id(">")};
  EXPECT_EQ(flags().encode("<end>", kMessage), parts);
  EXPECT_EQ(flags().encode(join({{"<en", kTemplate}, {"d>", kMessage}})), parts);
}

TEST_F(TokenizerOrigin, AnIntermediateOfALongerTokenStillMerges) {
  EXPECT_EQ(flags().encode("abcd", kMessage), std::vector<TokenId>{*flags().token_id("abcd")});
  const auto parts = std::vector<TokenId>{*flags().token_id("ab"), *flags().token_id("c")};
  EXPECT_EQ(flags().encode("abc", kMessage), parts);
}

TEST_F(TokenizerOrigin, IgnoreMergesDoesNotReachAnAddedToken) {
  const TokenId id = *flags().token_id("unreached");
  EXPECT_EQ(flags().encode("unreached", kTemplate), std::vector<TokenId>{id});
  const auto ids = flags().encode("unreached", kMessage);
  EXPECT_FALSE(has(ids, id));
  EXPECT_EQ(flags().decode(ids), "unreached");
  EXPECT_EQ(flags().encode("whole", kMessage), std::vector<TokenId>{*flags().token_id("whole")});
}

TEST_F(TokenizerOrigin, NormalizationMakesNoAddedTokenOfAMessage) {
  const TokenId not_greater = *flags().token_id("≯");
  const std::string slash = "\u0338";
  EXPECT_TRUE(has(flags().encode(">" + slash, kTemplate), not_greater));
  EXPECT_FALSE(has(flags().encode(">" + slash, kMessage), not_greater));
  EXPECT_FALSE(has(flags().encode(join({{">", kTemplate}, {slash, kMessage}})), not_greater));
  EXPECT_FALSE(has(flags().encode(join({{">", kMessage}, {slash, kTemplate}})), not_greater));
}

TEST_F(TokenizerOrigin, AMessageCannotUndoATokenOfTheTemplate) {
  const TokenId cafe = *flags().token_id("café");
  const TokenId word = *flags().token_id("<w>");
  // A mark would compose with the last letter, a letter would make it part of a word.
  EXPECT_TRUE(has(flags().encode(join({{"café", kTemplate}, {"\u0301", kMessage}})), cafe));
  EXPECT_TRUE(has(flags().encode(join({{"x", kMessage}, {"<w>", kTemplate}})), word));
  EXPECT_FALSE(has(flags().encode("x<w>", kTemplate), word));
}

TEST_F(TokenizerOrigin, StrippingLeavesTheWhiteSpaceOfMessages) {
  const auto right = join({{"<r> ", kTemplate}, {"  a", kMessage}});
  EXPECT_EQ(flags().decode(flags().encode(right)), "<r>  a");
  const auto left = join({{"a  ", kMessage}, {" <l>", kTemplate}});
  EXPECT_EQ(flags().decode(flags().encode(left)), "a  <l>");
}

TEST_F(TokenizerOrigin, RepairJoinsNoBytesAcrossOrigins) {
  // The two halves of U+4E2D, which begins an added token.
  const auto ids = flags().encode(join({{"\xE4\xB8", kTemplate}, {"\xAD", kMessage}}));
  EXPECT_EQ(flags().decode(ids), "\uFFFD\uFFFD");
}

// What the property tests below mix: pieces of added tokens and everything that might glue them.
std::vector<std::string> ingredients(const Tokenizer& tokenizer) {
  std::vector<std::string> pieces = {" ",  "  ",     "\n",     "a",    "b", "c",    "d",
                                     ">",  "\u0338", "\u0301", "e",    "1", "x",    "'",
                                     "\t", "<",      "\xE4",   "\xB8", "|", "\xAD", "\u1161"};
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string token = tokenizer.piece(id);
    if (id + 40 < tokenizer.vocab_size() && token != "unreached") continue;
    pieces.push_back(token);
    for (const std::size_t cut : {token.size() / 3, token.size() / 2, token.size() - 1}) {
      pieces.push_back(token.substr(0, cut));
      pieces.push_back(token.substr(cut));
    }
  }
  return pieces;
}

// Counts, per id, how often it occurs.
std::vector<int> count_ids(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::vector<int> counts(static_cast<std::size_t>(tokenizer.vocab_size()), 0);
  for (const TokenId id : ids) ++counts[static_cast<std::size_t>(id)];
  return counts;
}

// The added tokens of a mixed text are exactly those of its template runs, each encoded alone.
void check_added_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& added,
                        unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = ingredients(tokenizer);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (int round = 0; round < 4000; ++round) {
    OriginText text;
    for (std::size_t i = 0, n = 2 + below(8); i < n; ++i) {
      text.append(pieces[below(pieces.size())], below(2) == 0 ? kTemplate : kMessage);
    }
    std::vector<TokenId> from_template;
    std::size_t begin = 0;
    for (const OriginText::Run& run : text.runs()) {
      if (run.origin == kTemplate) {
        const auto ids = tokenizer.encode(text.substr(begin, run.end - begin));
        from_template.insert(from_template.end(), ids.begin(), ids.end());
      }
      begin = run.end;
    }
    const auto mixed = count_ids(tokenizer, tokenizer.encode(text));
    const auto expected = count_ids(tokenizer, from_template);
    for (const TokenId id : added) {
      const auto at = static_cast<std::size_t>(id);
      ASSERT_EQ(mixed[at], expected[at])
          << tokenizer.piece(id) << " in " << ::testing::PrintToString(text.text());
    }
  }
}

std::vector<TokenId> ids_from(const Tokenizer& tokenizer, TokenId first) {
  std::vector<TokenId> ids;
  for (TokenId id = first; id < tokenizer.vocab_size(); ++id) ids.push_back(id);
  return ids;
}

TEST_F(TokenizerOrigin, MixedTextsOfQwen3HaveTheAddedTokensOfTheirTemplateRuns) {
  PARAPET_NEEDS_SHARED_DATA();
  check_added_tokens(qwen3(), ids_from(qwen3(), *qwen3().token_id("<|endoftext|>")), 1);
}

TEST_F(TokenizerOrigin, MixedTextsOfEveryFlagHaveTheAddedTokensOfTheirTemplateRuns) {
  check_added_tokens(flags(), ids_from(flags(), *flags().token_id("<|im_start|>")), 2);
}

TEST_F(TokenizerOrigin, MessagesAloneNeverHoldAnAddedToken) {
  PARAPET_NEEDS_SHARED_DATA();
  std::mt19937 random(3);
  for (const Tokenizer* tokenizer : {&qwen3(), &flags()}) {
    const auto pieces = ingredients(*tokenizer);
    std::vector<TokenId> added = ids_from(*tokenizer, *tokenizer->token_id("<|im_start|>"));
    for (const char* in_vocabulary : {"<end>", "abc", "unreached"}) {
      if (tokenizer == &flags()) added.push_back(*tokenizer->token_id(in_vocabulary));
    }
    for (int round = 0; round < 4000; ++round) {
      std::string text;
      for (unsigned i = 0, n = 1 + random() % 8; i < n; ++i)
        text += pieces[random() % pieces.size()];
      const auto counts = count_ids(*tokenizer, tokenizer->encode(text, kMessage));
      for (const TokenId id : added) {
        ASSERT_EQ(counts[static_cast<std::size_t>(id)], 0)
            << tokenizer->piece(id) << " in " << ::testing::PrintToString(text);
      }
    }
  }
}

TEST_F(TokenizerOrigin, MessagesDecodeToTheirOwnText) {
  PARAPET_NEEDS_SHARED_DATA();
  std::mt19937 random(4);
  const auto pieces = ingredients(qwen3());
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (unsigned i = 0, n = 1 + random() % 8; i < n; ++i) text += pieces[random() % pieces.size()];
    const auto ids = qwen3().encode(text, kMessage);
    const std::string decoded = qwen3().decode(ids);
    // Normalization and repair change text once; what they leave must come back as it is.
    EXPECT_EQ(qwen3().encode(decoded, kMessage), ids) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace parapet::testing
