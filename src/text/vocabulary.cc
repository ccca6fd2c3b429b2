#include "text/vocabulary.h"

#include <algorithm>

#include "text/byte_level.h"

namespace parapet {

Vocabulary::Vocabulary(std::size_t id_limit, std::size_t count) : entries_(id_limit), ids_(count) {}

Vocabulary::Added Vocabulary::add(std::string_view spelling, TokenId id) {
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (entry.kind != static_cast<std::uint32_t>(Kind::kAbsent)) return Added::kIdTaken;
  const std::size_t begin = arena_.size();
  const bool byte_level = append_spelled_bytes(spelling, arena_);
  if (!byte_level) arena_.append(spelling);
  const std::string_view bytes = std::string_view(arena_).substr(begin);
  if (find(bytes, byte_level)) {
    arena_.resize(begin);
    return Added::kSpellingTaken;
  }
  ids_.insert(hash_bytes(bytes), static_cast<std::uint32_t>(id));
  entry.begin = static_cast<std::uint32_t>(begin);
  entry.length = static_cast<std::uint32_t>(bytes.size()) & 0x3FFFFFFFU;
  entry.kind = static_cast<std::uint32_t>(byte_level ? Kind::kByteLevel : Kind::kVerbatim) & 3U;
  longest_ = std::max(longest_, bytes.size());
  ++count_;
  return Added::kYes;
}

std::optional<TokenId> Vocabulary::find(std::string_view bytes, bool byte_level) const {
  const auto kind = static_cast<std::uint32_t>(byte_level ? Kind::kByteLevel : Kind::kVerbatim);
  const std::uint32_t id = ids_.find(hash_bytes(bytes), [&](std::uint32_t candidate) {
    const Entry entry = entries_[candidate];
    return entry.kind == kind && bytes_of(entry) == bytes;
  });
  if (id == FlatHash::kAbsent) return std::nullopt;
  return static_cast<TokenId>(id);
}

std::optional<TokenId> Vocabulary::find_spelling(std::string_view spelling) const {
  std::string bytes;
  if (append_spelled_bytes(spelling, bytes)) return find(bytes, /*byte_level=*/true);
  return find(spelling, /*byte_level=*/false);
}

std::string_view Vocabulary::bytes(TokenId id) const {
  if (!contains(id)) return {};
  return bytes_of(entries_[static_cast<std::size_t>(id)]);
}

std::string Vocabulary::spelling(TokenId id) const {
  if (!contains(id)) return {};
  const Entry entry = entries_[static_cast<std::size_t>(id)];
  if (entry.kind == static_cast<std::uint32_t>(Kind::kVerbatim)) {
    return std::string(bytes_of(entry));
  }
  return spell_bytes(bytes_of(entry));
}

}  // namespace parapet
