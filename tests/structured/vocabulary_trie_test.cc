#include "structured/vocabulary_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "support/paths.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

// Every token with the bytes that lead to it, and every node's subtree as its depths say.
std::map<TokenId, std::string> read_back(const VocabularyTrie& trie) {
  std::map<TokenId, std::string> tokens;
  std::string path;
  const auto nodes = trie.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    path.resize(nodes[i].depth - 1U);
    path.push_back(static_cast<char>(nodes[i].byte));
    std::size_t end = i + 1;
    while (end < nodes.size() && nodes[end].depth > nodes[i].depth) ++end;
    EXPECT_EQ(nodes[i].subtree_end, end);
    for (const TokenId id : trie.tokens_at(i)) EXPECT_TRUE(tokens.emplace(id, path).second);
  }
  return tokens;
}

TEST(VocabularyTrie, SharesPrefixes) {
  const std::vector<std::string> tokens{"ab", "a", "", "abc", "b", "a"};
  const VocabularyTrie trie(tokens);
  EXPECT_EQ(trie.vocab_size(), 6);
  EXPECT_EQ(trie.nodes().size(), 4U);  // a, ab, abc, b
  EXPECT_EQ(trie.depth(), 3U);
  EXPECT_THAT(trie.tokens_at(0), ElementsAre(1, 5));
  EXPECT_THAT(trie.tokens_at(1), ElementsAre(0));
  EXPECT_EQ(trie.bytes(3), "abc");
  EXPECT_EQ(trie.bytes(2), "");
  EXPECT_EQ(trie.bytes(-1), "");
  EXPECT_EQ(trie.bytes(6), "");
}

TEST(VocabularyTrie, HoldsRandomTokens) {
  std::mt19937 rng(5);
  std::vector<std::string> tokens;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes;
    for (auto length = rng() % 14; length > 0; --length) {
      bytes.push_back(static_cast<char>(rng() % 3 == 0 ? 0xFF : rng() % 2));
    }
    tokens.push_back(bytes);
  }
  const VocabularyTrie trie(tokens);
  const auto found = read_back(trie);
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const auto token = found.find(static_cast<TokenId>(id));
    EXPECT_EQ(token == found.end() ? "" : token->second, tokens[id]);
  }
}

TEST(VocabularyTrie, LeavesOutWhatIsTooLong) {
  const std::vector<std::string> tokens{std::string(512, 'x'), std::string(513, 'y')};
  const VocabularyTrie trie(tokens);
  EXPECT_EQ(trie.bytes(0).size(), 512U);
  EXPECT_EQ(trie.bytes(1), "");
  EXPECT_EQ(read_back(trie).size(), 1U);
}

TEST(VocabularyTrie, MayBeEmpty) {
  const VocabularyTrie trie(std::vector<std::string>{});
  EXPECT_EQ(trie.vocab_size(), 0);
  EXPECT_TRUE(trie.nodes().empty());
}

void expect_text_tokens_of(const Tokenizer& tokenizer, std::int64_t vocab_size) {
  const VocabularyTrie trie(tokenizer, vocab_size);
  EXPECT_EQ(trie.vocab_size(), vocab_size);
  const auto found = read_back(trie);
  std::size_t added = 0;
  for (TokenId id = 0; id < vocab_size; ++id) {
    const auto token = found.find(id);
    added += tokenizer.is_added(id) ? 1 : 0;
    if (tokenizer.is_added(id) || id >= tokenizer.vocab_size()) {
      EXPECT_EQ(token, found.end()) << id;
    } else {
      ASSERT_NE(token, found.end()) << id;
      EXPECT_EQ(token->second, tokenizer.token_bytes(id));
    }
  }
  EXPECT_GT(added, 0U);
}

TEST(VocabularyTrie, HoldsTheBundledVocabulary) {
  const auto tokenizer = Tokenizer::load(test::bundled_model());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  expect_text_tokens_of(*tokenizer, tokenizer->vocab_size() + 37);
  // A model may also know fewer tokens than its tokenizer.
  const VocabularyTrie fewer(*tokenizer, 300);
  EXPECT_EQ(fewer.vocab_size(), 300);
  EXPECT_LE(read_back(fewer).size(), 300U);
}

TEST(VocabularyTrie, HoldsTheVocabularyOfQwen3) {
  PARAPET_NEEDS_SHARED_DATA();
  const auto tokenizer = Tokenizer::load(test::shared_data() / "qwen3-tokenizer");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  expect_text_tokens_of(*tokenizer, 151936);
}

}  // namespace
}  // namespace parapet
