// Tokens by id and ids by token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/flat_hash.h"
#include "text/tokenizer.h"

namespace parapet {

class Vocabulary {
 public:
  // Ids run over [0, id_limit); at most `count` tokens will be added.
  Vocabulary(std::size_t id_limit, std::size_t count);

  enum class Added { kYes, kIdTaken, kSpellingTaken };
  // `id` is in range. The spelling is well-formed UTF-8.
  Added add(std::string_view spelling, TokenId id);

  std::size_t id_limit() const { return entries_.size(); }
  std::size_t count() const { return count_; }
  bool contains(TokenId id) const { return kind_of(id) != Kind::kAbsent; }
  // Whether the token is spelled in the byte alphabet.
  bool is_byte_level(TokenId id) const { return kind_of(id) == Kind::kByteLevel; }

  // The id of a token as tokenizer.json spells it.
  std::optional<TokenId> find_spelling(std::string_view spelling) const;
  // The id of the byte-level token that stands for these bytes.
  std::optional<TokenId> find_bytes(std::string_view bytes) const {
    return find(bytes, /*byte_level=*/true);
  }

  // The bytes that a token stands for: those its spelling means, or, where it is not in the
  // byte-level alphabet, those it is spelled with. Empty for an unknown id.
  std::string_view bytes(TokenId id) const;
  std::string spelling(TokenId id) const;

  std::size_t longest() const { return longest_; }  // in bytes

 private:
  enum class Kind : std::uint32_t { kAbsent, kByteLevel, kVerbatim };
  struct Entry {
    std::uint32_t begin = 0;
    std::uint32_t length : 30 = 0;
    std::uint32_t kind : 2 = 0;
  };

  Kind kind_of(TokenId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= entries_.size()) return Kind::kAbsent;
    return static_cast<Kind>(entries_[static_cast<std::size_t>(id)].kind);
  }

  std::optional<TokenId> find(std::string_view bytes, bool byte_level) const;
  std::string_view bytes_of(Entry entry) const {
    return std::string_view(arena_).substr(entry.begin, entry.length);
  }

  std::string arena_;
  std::vector<Entry> entries_;  // [id]
  FlatHash ids_;
  std::size_t count_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace parapet
