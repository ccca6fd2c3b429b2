// Byte-pair encoding of one piece of text.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/merge_table.h"
#include "text/vocabulary.h"

namespace parapet {

class BpeModel {
 public:
  // `byte_tokens` are the tokens of the 256 single bytes. With ignore_merges a piece that is a
  // token as a whole becomes that token, whether or not merges lead there.
  BpeModel(Vocabulary vocabulary, MergeTable merges, std::array<TokenId, 256> byte_tokens,
           bool ignore_merges);

  // Appends the tokens of a piece. Time is n log n in its bytes.
  void encode(std::string_view piece, std::vector<TokenId>& out) const;
  // The same by merges alone.
  void merge(std::string_view piece, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const MergeTable& merges() const { return merges_; }

 private:
  void merge_short(std::string_view piece, std::vector<TokenId>& out) const;
  template <class Queue>
  void merge_queued(std::string_view piece, std::vector<TokenId>& out) const;
  TokenId byte_token(char byte) const { return byte_tokens_[static_cast<unsigned char>(byte)]; }

  // Whether merging the bytes of a token gives the token itself: true of nearly all, but only
  // known once tried. Each entry goes from unknown to its one right answer, so threads may race.
  enum Whole : std::uint8_t { kUnknown, kWhole, kParts };

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<TokenId, 256> byte_tokens_;
  bool ignore_merges_;
  std::unique_ptr<std::atomic<Whole>[]> whole_;  // [id]
};

}  // namespace parapet
