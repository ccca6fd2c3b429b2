#include "device/cpu/query_tiles.h"

namespace parapet::cpu {

QueryTiles::QueryTiles(const BatchView& batch, int block_size, int max_tokens, int unit)
    : batch_(batch), block_size_(block_size), max_tokens_(max_tokens), unit_(unit) {
  for (std::int64_t seq = 0; seq < batch.num_seqs(); ++seq) {
    const int end = query_start(seq + 1);
    int begin = query_start(seq);
    if (begin < end && !tiles_.empty()) begin = extend(tiles_.back(), seq);
    for (; begin < end; begin += max_tokens) {
      tiles_.push_back({.seq = seq,
                        .begin = begin,
                        .end = std::min(end, begin + max_tokens),
                        .num_seqs = 1,
                        .shared = 0});
    }
  }
}

int QueryTiles::keys(const QueryTile& tile) const {
  int most = 0;
  for_each_sequence(
      tile, [&](std::int64_t seq, int, int end) { most = std::max(most, seen(seq, end - 1)); });
  return most;
}

// Gives the tile as many of the sequence's tokens as fit, if it then saves more reads than before.
// A tile of n sequences saves (n - 1) * shared of them. Returns the first token that is left.
int QueryTiles::extend(QueryTile& tile, std::int64_t seq) const {
  const int begin = query_start(seq);
  const int room = max_tokens_ - (tile.end - tile.begin);
  if (room == 0) return begin;
  int shared = shared_positions(tile.seq, seq) / unit_ * unit_;
  if (tile.num_seqs > 1) shared = std::min(shared, tile.shared);
  if (tile.num_seqs * shared <= (tile.num_seqs - 1) * tile.shared) return begin;
  tile.end = std::min(query_start(seq + 1), begin + room);
  tile.shared = shared;
  ++tile.num_seqs;
  return tile.end;
}

// Positions that two sequences have in the same slots, from 0 on.
int QueryTiles::shared_positions(std::int64_t a, std::int64_t b) const {
  const ContextSlots a_slots = slots(a);
  const ContextSlots b_slots = slots(b);
  const int limit = std::min(std::min(context_len(a), a_slots.tail_start()),
                             std::min(context_len(b), b_slots.tail_start()));
  int shared = 0;
  while (shared < limit && a_slots.slot(shared) == b_slots.slot(shared)) shared += block_size_;
  return std::min(shared, limit);
}

}  // namespace parapet::cpu
