// The tokens of a vocabulary by the bytes that they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/types.h"
#include "text/tokenizer.h"

namespace parapet {

// Built once a model and shared by all constraints; it never changes.
class VocabularyTrie {
 public:
  // The tokens of the model's `vocab_size` ids that can stand for text. Left out are added tokens,
  // ids that the tokenizer does not know, and tokens of more than kMaxTokenBytes bytes, which
  // shorter ones spell as well.
  VocabularyTrie(const Tokenizer& tokenizer, std::int64_t vocab_size);
  // The same of bytes by id; empty for a token that stands for no text.
  explicit VocabularyTrie(std::span<const std::string> tokens);

  static constexpr std::size_t kMaxTokenBytes = 512;

  std::int64_t vocab_size() const { return std::ssize(offsets_) - 1; }
  // Empty for an id that is not in the trie.
  std::string_view bytes(TokenId id) const;

  // A node other than the root, in pre-order: its subtree lies in nodes()[own index, subtree_end).
  struct Node {
    std::uint32_t subtree_end;
    std::uint32_t first_token;
    std::uint16_t depth;  // bytes up to here: at least 1
    std::uint8_t byte;
  };
  std::span<const Node> nodes() const { return std::span(nodes_).first(nodes_.size() - 1); }
  // The tokens whose bytes end at a node.
  std::span<const TokenId> tokens_at(std::size_t node) const;
  // The largest depth.
  std::size_t depth() const { return depth_; }

 private:
  void add_bytes(std::string_view bytes);
  void build();
  void close(std::vector<std::uint32_t>& path, std::size_t depth);

  std::string arena_;
  std::vector<std::uint32_t> offsets_{0};  // [id]: where its bytes begin; one more for the end
  std::vector<Node> nodes_;                // and one for the end
  std::vector<TokenId> tokens_;            // in the order of their bytes
  std::size_t depth_ = 0;
};

}  // namespace parapet
