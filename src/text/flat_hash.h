// An open-addressing table of ids under precomputed hashes; whoever owns it keeps the keys.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace parapet {

inline std::uint64_t hash_step(std::uint64_t hash, std::uint64_t word) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  hash = (hash ^ word) * kOdd;
  return hash ^ (hash >> 32);
}

inline std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; bytes.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    hash = hash_step(hash, word);
  }
  if (at == bytes.size()) return hash;
  word = 0;
  std::memcpy(&word, bytes.data() + at, bytes.size() - at);
  return hash_step(hash, word);
}

class FlatHash {
 public:
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

  // For at most `count` values. A third of the slots or more stay free, so probes stay short.
  explicit FlatHash(std::size_t count = 0) : slots_(std::bit_ceil(count + count / 2 + 1)) {}

  // The value for which `equal(value)` holds among those stored under this hash, or kAbsent.
  template <class Equal>
  std::uint32_t find(std::uint64_t hash, Equal equal) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot slot = slots_[at];
      if (slot.value_plus_one == 0) return kAbsent;
      if (slot.tag == tag_of(hash) && equal(slot.value_plus_one - 1)) {
        return slot.value_plus_one - 1;
      }
    }
  }

  // Stores a value that find() does not know under this hash.
  void insert(std::uint64_t hash, std::uint32_t value) {
    std::size_t at = hash & mask();
    while (slots_[at].value_plus_one != 0) at = (at + 1) & mask();
    slots_[at] = {tag_of(hash), value + 1};
  }

 private:
  struct Slot {
    std::uint32_t tag;             // upper half of the hash: most misses end here
    std::uint32_t value_plus_one;  // 0: free
  };

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t mask() const { return slots_.size() - 1; }

  std::vector<Slot> slots_;
};

}  // namespace parapet
