#include "structured/vocabulary_trie.h"

#include <algorithm>

namespace parapet {
namespace {

// The first eight bytes as a number that orders as they do; most comparisons need no more.
std::uint64_t order_of(std::string_view bytes) {
  std::uint64_t order = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    order = order << 8 | (i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0U);
  }
  return order;
}

struct Entry {
  std::uint64_t order;
  std::string_view bytes;
  TokenId id;

  bool operator<(const Entry& other) const {
    if (order != other.order) return order < other.order;
    if (const int difference = bytes.compare(other.bytes)) return difference < 0;
    return id < other.id;
  }
};

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<std::size_t>(end - a.begin());
}

}  // namespace

VocabularyTrie::VocabularyTrie(const Tokenizer& tokenizer, std::int64_t vocab_size) {
  for (std::int64_t i = 0; i < vocab_size; ++i) {
    const auto id = static_cast<TokenId>(i);
    add_bytes(tokenizer.is_added(id) ? std::string() : tokenizer.token_bytes(id));
  }
  build();
}

VocabularyTrie::VocabularyTrie(std::span<const std::string> tokens) {
  for (const std::string& bytes : tokens) add_bytes(bytes);
  build();
}

void VocabularyTrie::add_bytes(std::string_view bytes) {
  if (bytes.size() <= kMaxTokenBytes) arena_.append(bytes);
  offsets_.push_back(static_cast<std::uint32_t>(arena_.size()));
}

std::string_view VocabularyTrie::bytes(TokenId id) const {
  if (id < 0 || id >= vocab_size()) return {};
  const auto at = static_cast<std::size_t>(id);
  return std::string_view(arena_).substr(offsets_[at], offsets_[at + 1] - offsets_[at]);
}

std::span<const TokenId> VocabularyTrie::tokens_at(std::size_t node) const {
  const std::size_t first = nodes_[node].first_token;
  // What a node's own tokens are followed by begins at the next node in pre-order.
  return std::span(tokens_).subspan(first, nodes_[node + 1].first_token - first);
}

void VocabularyTrie::build() {
  std::vector<Entry> entries;
  for (TokenId id = 0; id < vocab_size(); ++id) {
    if (!bytes(id).empty()) entries.push_back({order_of(bytes(id)), bytes(id), id});
  }
  std::sort(entries.begin(), entries.end());

  std::vector<std::uint32_t> path;  // [depth - 1]: the node that is open there
  std::string_view last;
  for (const Entry& entry : entries) {
    close(path, common_prefix(last, entry.bytes));
    while (path.size() < entry.bytes.size()) {
      const auto byte = static_cast<std::uint8_t>(entry.bytes[path.size()]);
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({.subtree_end = 0,
                        .first_token = static_cast<std::uint32_t>(tokens_.size()),
                        .depth = static_cast<std::uint16_t>(path.size()),
                        .byte = byte});
    }
    depth_ = std::max(depth_, path.size());
    tokens_.push_back(entry.id);
    last = entry.bytes;
  }
  close(path, 0);
  nodes_.push_back({.subtree_end = static_cast<std::uint32_t>(nodes_.size()),
                    .first_token = static_cast<std::uint32_t>(tokens_.size()),
                    .depth = 0,
                    .byte = 0});
}

// Ends the subtrees below a depth.
void VocabularyTrie::close(std::vector<std::uint32_t>& path, std::size_t depth) {
  for (; path.size() > depth; path.pop_back()) {
    nodes_[path.back()].subtree_end = static_cast<std::uint32_t>(nodes_.size());
  }
}

}  // namespace parapet
