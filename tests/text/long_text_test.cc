// Long pieces go another way than short ones; both must give the same tokens.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/paths.h"
#include "text/bpe.h"
#include "text/golden_corpus.h"
#include "text/merge_queue.h"

namespace parapet::testing {
namespace {

TEST(MergeQueue, BucketsGiveTheOrderOfAHeap) {
  constexpr std::uint32_t kRanks = 50;
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    HeapQueue heap;
    BucketQueue buckets(kRanks);
    for (int step = 0; step < 500; ++step) {
      // Pushes of lower rank than what was popped last are rare in use, but must come out first.
      if (random() % 5 < 3) {
        const QueuedMerge merge{static_cast<std::uint32_t>(random() % kRanks),
                                static_cast<std::uint32_t>(random() % 1000)};
        heap.push(merge);
        buckets.push(merge);
      } else {
        ASSERT_EQ(buckets.pop(), heap.pop()) << "round " << round << ", step " << step;
      }
    }
    while (const auto next = heap.pop()) ASSERT_EQ(buckets.pop(), next);
    ASSERT_EQ(buckets.pop(), std::nullopt);
  }
}

// The textbook algorithm: over and over, the lowest rank from the left. Quadratic.
std::vector<TokenId> merge_slowly(const MergeTable& merges, std::vector<TokenId> tokens) {
  while (true) {
    Merge lowest;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Merge merge = merges.find(tokens[i], tokens[i + 1]);
      if (merge.rank < lowest.rank) {
        lowest = merge;
        at = i;
      }
    }
    if (!lowest.possible()) return tokens;
    tokens[at] = lowest.token;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

// A model over 'a', 'b' and 'c' whose merges are in random order, so that a merge often makes one
// of lower rank possible, which no trained vocabulary does.
struct RandomModel {
  explicit RandomModel(std::mt19937& random) : vocabulary(256 + kTokens, 256 + kTokens) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    for (int byte = 0; byte < 256; ++byte) {
      bytes[static_cast<std::size_t>(byte)] = byte;
    }
    for (int byte = 0x21; byte < 0x7F; ++byte) {
      vocabulary.add(std::string(1, static_cast<char>(byte)), byte);
    }
    std::vector<std::pair<std::string, std::string>> pairs;
    for (TokenId id = 256; id < 256 + kTokens;) {
      const std::string left = tokens[random() % tokens.size()];
      const std::string right = tokens[random() % tokens.size()];
      if (vocabulary.add(left + right, id) == Vocabulary::Added::kYes) ++id;
      tokens.push_back(left + right);
      pairs.emplace_back(left, right);
    }
    std::shuffle(pairs.begin(), pairs.end(), random);
    std::uint32_t rank = 0;
    for (const auto& [left, right] : pairs) {
      const Merge merge{rank, *vocabulary.find_spelling(left + right)};
      if (merges.add(*vocabulary.find_spelling(left), *vocabulary.find_spelling(right), merge)) {
        ++rank;
      }
    }
  }

  static constexpr TokenId kTokens = 40;
  Vocabulary vocabulary;
  MergeTable merges{1000};
  std::array<TokenId, 256> bytes{};
};

TEST(Bpe, EveryLengthMergesLikeTheTextbook) {
  std::mt19937 random(2);
  for (const std::size_t length : {1, 2, 3, 17, 47, 48, 49, 50, 300, 8191, 8192, 9000}) {
    for (int round = 0; round < (length < 1000 ? 60 : 2); ++round) {
      RandomModel model(random);
      std::string piece;
      std::vector<TokenId> tokens;
      while (piece.size() < length) piece.push_back(static_cast<char>('a' + random() % 3));
      for (const char c : piece) tokens.push_back(model.bytes[static_cast<unsigned char>(c)]);
      const auto expected = merge_slowly(model.merges, tokens);
      const BpeModel bpe(std::move(model.vocabulary), std::move(model.merges), model.bytes, false);
      std::vector<TokenId> merged;
      bpe.merge(piece, merged);
      ASSERT_EQ(merged, expected) << piece.size();
    }
  }
}

// None of these may hang; what each must give is known without a reference.
TEST(LongText, AMegabyteOfAnythingComesBack) {
  PARAPET_NEEDS_SHARED_DATA();
  const Tokenizer tokenizer = load_qwen3();
  for (const std::string unit : {"a", "中", " ", "7", "'s", "<|<|", "<|im_start|", "\n", "é"}) {
    std::string text;
    while (text.size() < (1U << 20)) text += unit;
    for (const Origin origin : {Origin::kTemplate, Origin::kMessage}) {
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, origin)), text) << unit;
    }
  }
}

TEST(LongText, AMegabyteOfMarksIsReorderedAsOne) {
  PARAPET_NEEDS_SHARED_DATA();
  const Tokenizer tokenizer = load_qwen3();
  constexpr int kPairs = 1 << 18;
  std::string text = "q";  // composes with neither mark
  std::string expected = "q";
  for (int i = 0; i < kPairs; ++i) text += "\u0301\u0323";  // classes 230 and 220
  for (int i = 0; i < kPairs; ++i) expected += "\u0323";
  for (int i = 0; i < kPairs; ++i) expected += "\u0301";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, Origin::kMessage)), expected);
}

}  // namespace
}  // namespace parapet::testing
