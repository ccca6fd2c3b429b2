// Which pairs of tokens merge, in which order, into what.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/flat_hash.h"
#include "text/tokenizer.h"

namespace parapet {

struct Merge {
  static constexpr std::uint32_t kNever = UINT32_MAX;

  std::uint32_t rank = kNever;  // lower ranks merge first
  TokenId token = -1;           // what the pair becomes
  bool possible() const { return rank != kNever; }
};

class MergeTable {
 public:
  explicit MergeTable(std::size_t count = 0) : slots_(std::bit_ceil(count + count / 2 + 1)) {}

  // False where the pair has a merge already. At most `count` pairs fit.
  bool add(TokenId left, TokenId right, Merge merge) {
    Slot& slot = slots_[slot_of(key_of(left, right))];
    if (slot.merge.possible()) return false;
    slot = {key_of(left, right), merge};
    ++size_;
    return true;
  }

  Merge find(TokenId left, TokenId right) const {
    return slots_[slot_of(key_of(left, right))].merge;
  }

  // Ranks are 0 to size() - 1, as tokenizer.json lists them.
  std::size_t size() const { return size_; }

  // Calls visit(left, right, merge) for each, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (!slot.merge.possible()) continue;
      visit(static_cast<TokenId>(slot.key >> 32), static_cast<TokenId>(slot.key), slot.merge);
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Merge merge;  // impossible: a free slot
  };

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  // The slot of the key, or the free one where it would stand.
  std::size_t slot_of(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash_step(0, key) & mask;
    while (slots_[at].merge.possible() && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace parapet
