// A batch's query tokens in tiles that read keys together: neighbours of one sequence, or of
// sequences that begin alike, such as the branches of a token tree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "device/host/context_slots.h"
#include "device/ops.h"

namespace parapet::cpu {

// Tokens [begin, end) of the batch, from one sequence or from neighbouring ones.
struct QueryTile {
  std::int64_t seq;  // of the first token
  int begin;
  int end;
  int num_seqs;
  // All of its sequences have positions [0, shared) in the same slots; 0 for a single sequence.
  int shared;
};

class QueryTiles {
 public:
  // Cuts the batch into tiles of at most `max_tokens`; `shared` is a multiple of `unit`.
  QueryTiles(const BatchView& batch, int block_size, int max_tokens, int unit);

  std::int64_t size() const { return std::ssize(tiles_); }
  const QueryTile& operator[](std::int64_t i) const { return tiles_[static_cast<std::size_t>(i)]; }

  ContextSlots slots(std::int64_t seq) const { return {batch_, seq, block_size_}; }
  // Keys that a token of the sequence sees.
  int seen(std::int64_t seq, int token) const {
    return context_len(seq) - (query_start(seq + 1) - token) + 1;
  }
  // The most keys that a token of the tile sees.
  int keys(const QueryTile& tile) const;

  // fn(sequence, first token, end) for the sequences of a tile.
  template <class Fn>
  void for_each_sequence(const QueryTile& tile, const Fn& fn) const {
    int begin = tile.begin;
    for (std::int64_t seq = tile.seq; begin < tile.end; ++seq) {
      const int end = std::min(tile.end, query_start(seq + 1));
      if (begin < end) fn(seq, begin, end);
      begin = end;
    }
  }

 private:
  int query_start(std::int64_t seq) const {
    return batch_.query_start.as<const std::int32_t>()[seq];
  }
  int context_len(std::int64_t seq) const {
    return batch_.context_lens.as<const std::int32_t>()[seq];
  }
  int extend(QueryTile& tile, std::int64_t seq) const;
  int shared_positions(std::int64_t a, std::int64_t b) const;

  const BatchView& batch_;
  const int block_size_;
  const int max_tokens_;
  const int unit_;
  std::vector<QueryTile> tiles_;
};

}  // namespace parapet::cpu
