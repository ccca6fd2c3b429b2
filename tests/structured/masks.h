// A small vocabulary, and masks in a form that tests can compare.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/token_constraint.h"
#include "structured/vocabulary_trie.h"

namespace parapet::test {

// Every byte by its own value, then `more`, then one id that stands for no text: the end token.
inline std::shared_ptr<const VocabularyTrie> bytes_and(const std::vector<std::string>& more) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), more.begin(), more.end());
  tokens.emplace_back();
  return std::make_shared<const VocabularyTrie>(tokens);
}

inline TokenId end_of(const VocabularyTrie& vocabulary) {
  return static_cast<TokenId>(vocabulary.vocab_size() - 1);
}

inline std::vector<TokenId> allowed(const TokenConstraint& constraint, std::int64_t vocab_size,
                                    const std::vector<TokenId>& output) {
  TokenMask mask(vocab_size);
  constraint.allow(output, mask);
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < mask.size(); ++id) {
    if (mask.test(id)) ids.push_back(id);
  }
  return ids;
}

// The text as one token a byte.
inline std::vector<TokenId> byte_tokens(std::string_view text) {
  std::vector<TokenId> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

}  // namespace parapet::test
