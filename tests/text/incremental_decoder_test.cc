#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>
#include <string>
#include <vector>

#include "support/paths.h"
#include "text/golden_corpus.h"

namespace parapet::testing {
namespace {

// Pushes all ids; every piece must be whole characters by itself.
std::string decode_in_steps(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                            bool skip_special_tokens) {
  IncrementalDecoder decoder(tokenizer, skip_special_tokens);
  std::string text;
  for (const TokenId id : ids) {
    const std::string piece = decoder.push(id);
    EXPECT_TRUE(simdjson::validate_utf8(piece)) << ::testing::PrintToString(piece);
    text += piece;
  }
  return text + decoder.finish();
}

void check_random_streams(const Tokenizer& tokenizer, unsigned seed) {
  std::mt19937 random(seed);
  const auto limit = static_cast<unsigned>(tokenizer.vocab_size());
  for (int round = 0; round < 5000; ++round) {
    // Half of the ids stand for single bytes, which make and break characters.
    std::vector<TokenId> ids(1 + random() % 16);
    for (TokenId& id : ids) {
      id = static_cast<TokenId>(random() % 2 == 0 ? random() % 256 : random() % (limit + 4));
    }
    for (const bool skip : {false, true}) {
      ASSERT_EQ(decode_in_steps(tokenizer, ids, skip), tokenizer.decode(ids, skip))
          << ::testing::PrintToString(ids);
    }
  }
}

TEST(IncrementalDecoder, PiecesAreTheWholeForQwen3) {
  PARAPET_NEEDS_SHARED_DATA();
  check_random_streams(load_qwen3(), 1);
}
TEST(IncrementalDecoder, PiecesAreTheWholeForEveryFlag) { check_random_streams(load_flags(), 2); }

TEST(IncrementalDecoder, HoldsBackHalfACharacter) {
  const Tokenizer tokenizer = load_flags();
  const auto ids = tokenizer.encode("😀", Origin::kMessage);
  ASSERT_EQ(ids.size(), 4U);
  IncrementalDecoder decoder(tokenizer);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(decoder.push(ids[i]), "");
  EXPECT_EQ(decoder.push(ids[3]), "😀");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(IncrementalDecoder, GivesUpOnACharacterOnceNothingCanCompleteIt) {
  const Tokenizer tokenizer = load_flags();
  const auto ids = tokenizer.encode("😀", Origin::kMessage);
  IncrementalDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[0]), "\uFFFD");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(IncrementalDecoder, UnknownIdsAreNothing) {
  const Tokenizer tokenizer = load_flags();
  IncrementalDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(-1), "");
  EXPECT_EQ(decoder.push(1 << 30), "");
  EXPECT_EQ(decoder.finish(), "");
}

}  // namespace
}  // namespace parapet::testing
