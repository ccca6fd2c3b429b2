// The blocks of the KV cache: who uses them, and what those that nobody uses still hold.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "parapet/types.h"

namespace parapet {

// Names the tokens of a block and of all before it. Never given twice, so that equal names mean
// equal contents: nothing is hashed, and no prompt can be made to collide with another.
using PrefixId = std::uint64_t;
inline constexpr PrefixId kNoPrefix = 0;  // of what stands before the first block

// What is known to be in a block.
struct BlockContent {
  PrefixId parent = kNoPrefix;
  std::string salt = {};             // of first blocks; later ones have it through their parents
  std::vector<TokenId> tokens = {};  // at most a block full
};

// Blocks are counted by their users. A block that nobody uses keeps its content and can be found by
// it until it is handed out again; the longest unused goes first.
//
// Misuse (giving back what is not held) is a bug of the caller: PARAPET_CHECK.
class BlockPool {
 public:
  explicit BlockPool(std::int64_t num_blocks);

  std::int64_t num_blocks() const { return std::ssize(blocks_); }
  std::int64_t num_free() const { return num_free_; }  // nobody uses them
  std::int64_t num_cached() const { return std::ssize(by_content_); }
  std::int64_t num_users(std::int32_t block) const { return at(block).users; }

  // A block for one user, its content forgotten; empty when all are in use.
  std::optional<std::int32_t> allocate();
  void retain(std::int32_t block);
  void release(std::int32_t block);

  struct Match {
    std::int32_t block = -1;
    PrefixId prefix = kNoPrefix;  // of the whole block
    std::int64_t num_tokens = 0;  // that `tokens` and the block have in common, from the first on
  };
  // Lets the block be found by its content, which must stay as it is while the block is in use.
  // Where that content is there already, in this block or in another, nothing changes. The answer
  // is the block that the content is found in.
  Match publish(std::int32_t block, BlockContent content);
  // The block after `parent` whose tokens agree with `tokens` the longest.
  Match find(PrefixId parent, const std::string& salt, std::span<const TokenId> tokens) const;

  // Forgets the content of every block.
  void forget_all();

  // PARAPET_CHECKs that counts, the list of free blocks and the index agree.
  void check_integrity() const;

 private:
  static constexpr std::int32_t kNone = -1;

  struct Block {
    std::int32_t users = 0;
    std::int32_t previous = kNone;  // in the list of free blocks
    std::int32_t next = kNone;
    PrefixId prefix = kNoPrefix;  // kNoPrefix: cannot be found
    BlockContent content;
  };
  // What is looked for: a content without a copy of it.
  struct Key {
    PrefixId parent;
    const std::string& salt;
    std::span<const TokenId> tokens;
  };
  // Tokens are compared last: neighbours in this order share the longest beginnings.
  struct ByContent {
    using is_transparent = void;
    const std::vector<Block>* blocks;
    Key key(std::int32_t block) const;
    static bool less(const Key& a, const Key& b);
    bool operator()(std::int32_t a, std::int32_t b) const { return less(key(a), key(b)); }
    bool operator()(const Key& a, std::int32_t b) const { return less(a, key(b)); }
    bool operator()(std::int32_t a, const Key& b) const { return less(key(a), b); }
  };

  Block& at(std::int32_t block);
  const Block& at(std::int32_t block) const;
  void unlink(std::int32_t block);
  void link_last(std::int32_t block);
  void link_first(std::int32_t block);
  void forget(std::int32_t block);

  std::vector<Block> blocks_;
  std::int32_t first_free_ = kNone;  // the next to be handed out
  std::int32_t last_free_ = kNone;
  std::int64_t num_free_ = 0;
  std::set<std::int32_t, ByContent> by_content_;
  PrefixId last_prefix_ = kNoPrefix;
};

}  // namespace parapet
