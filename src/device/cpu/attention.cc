#include "device/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "device/cpu/kv_panels.h"

namespace parapet::cpu {
namespace {

// Query rows (tokens times heads of a group) that share one read of the keys and values. 48 rows
// make 96 multiplications of each element read; with 128 elements a head they take 48 KiB.
constexpr int kTileQueryRows = 48;
// From so many rows on it pays to turn a panel into floats once, not in each tile of the kernel.
constexpr int kWidenRows = 8;
// So many tasks for each thread even out; with fewer, splits of long contexts become tasks.
constexpr std::int64_t kTasksPerThread = 4;
constexpr std::int64_t kMaxPartialFloats = std::int64_t{4} << 20;

// Query tokens [begin, end) of the batch, which belong to one sequence or to neighbours. All of
// them have positions [0, shared) in the same slots.
struct Tile {
  std::int64_t seq;  // of the first token
  int begin;
  int end;
  int shared;  // whole chunks; 0 for a single sequence
  int segments;
};

// The running softmax of some query rows.
struct State {
  float* max;  // [rows]
  float* sum;  // [rows]
  float* out;  // [rows, head_dim]
};

// A thread's scratch memory, cut into arrays.
struct Scratch {
  float* queries;  // [rows, head_dim]
  float* weights;  // [rows, kChunkKeys]
  float* factors;  // [rows]
  float* added;    // [rows]
  int* seen;       // [rows]
  State total;     // of the splits so far
  State split;
  PanelScratch gathered[kChunkPanels];
  PanelScratch widened[kChunkPanels];
};

// Cuts memory into aligned arrays; without memory it measures how much they take.
class Cutter {
 public:
  explicit Cutter(float* memory) : memory_(memory) {}

  float* take(std::int64_t count) {
    float* const array = memory_ == nullptr ? nullptr : memory_ + taken_;
    taken_ += (count + 15) / 16 * 16;
    return array;
  }
  std::int64_t taken() const { return taken_; }

 private:
  float* memory_;
  std::int64_t taken_ = 0;
};

class Attention {
 public:
  Attention(const KernelTable& kernels, const AttentionJob& job)
      : kernels_(kernels),
        job_(job),
        dim_(job.shape.head_dim),
        group_(job.shape.num_heads / job.shape.num_kv_heads),
        tile_tokens_(std::max(1, kTileQueryRows / group_)),
        rows_(tile_tokens_ * group_),
        type_(kv_type(job.cache)) {}

  void run(ThreadPool& pool, Workspace& workspace) {
    make_tiles();
    const int splits = parallel_splits(pool.num_threads());
    Cutter measure(nullptr);
    cut_scratch(measure);
    const std::int64_t per_thread = measure.taken();
    const std::int64_t pairs = std::ssize(tiles_) * job_.shape.num_kv_heads;
    const std::int64_t partials = splits > 1 ? pairs * splits * state_floats() : 0;
    float* const memory =
        workspace.floats(static_cast<std::size_t>(per_thread * pool.num_threads() + partials));
    const auto scratch = [&](int thread) {
      Cutter cutter(memory + per_thread * thread);
      return cut_scratch(cutter);
    };
    const auto partial = [&](std::int64_t pair, int split) {
      Cutter cutter(memory + per_thread * pool.num_threads() +
                    (pair * splits + split) * state_floats());
      return cut_state(cutter);
    };
    if (splits == 1) {
      pool.run(pairs, [&](std::int64_t pair, int thread) { attend_all(pair, scratch(thread)); });
      return;
    }
    pool.run(pairs * splits, [&](std::int64_t item, int thread) {
      const auto split = static_cast<int>(item % splits);
      attend_one(item / splits, split, scratch(thread), partial(item / splits, split));
    });
    pool.run(pairs, [&](std::int64_t pair, int thread) {
      merge_all(pair, scratch(thread), [&](int split) { return partial(pair, split); });
    });
  }

 private:
  int query_start(std::int64_t seq) const {
    return job_.batch.query_start.as<const std::int32_t>()[seq];
  }
  int context_len(std::int64_t seq) const {
    return job_.batch.context_lens.as<const std::int32_t>()[seq];
  }
  ContextSlots slots(std::int64_t seq) const {
    return {job_.batch, seq, job_.cache.spec().block_size};
  }

  // Keys that a token of the sequence sees.
  int seen(std::int64_t seq, int token) const {
    return context_len(seq) - (query_start(seq + 1) - token) + 1;
  }

  void make_tiles() {
    for (std::int64_t seq = 0; seq < job_.batch.num_seqs(); ++seq) {
      const int end = query_start(seq + 1);
      int begin = query_start(seq);
      if (begin < end && !tiles_.empty()) begin = extend(tiles_.back(), seq);
      for (; begin < end; begin += tile_tokens_) {
        tiles_.push_back({seq, begin, std::min(end, begin + tile_tokens_), 0, 1});
      }
    }
  }

  // Gives the tile what fits of the sequence's tokens, where it then reads fewer keys than two
  // tiles would. Returns the first token that is left.
  int extend(Tile& tile, std::int64_t seq) const {
    const int begin = query_start(seq);
    const int room = tile.begin + tile_tokens_ - tile.end;
    if (room == 0) return begin;
    int shared = shared_positions(tile.seq, seq) / kChunkKeys * kChunkKeys;
    if (tile.segments > 1) shared = std::min(shared, tile.shared);
    if (tile.segments * shared <= (tile.segments - 1) * tile.shared) return begin;
    tile.end = std::min(query_start(seq + 1), begin + room);
    tile.shared = shared;
    ++tile.segments;
    return tile.end;
  }

  // Positions that two sequences have in the same slots, from 0 on.
  int shared_positions(std::int64_t a, std::int64_t b) const {
    const ContextSlots a_slots = slots(a);
    const ContextSlots b_slots = slots(b);
    const int limit = std::min(std::min(a_slots.tail_start(), context_len(a)),
                               std::min(b_slots.tail_start(), context_len(b)));
    const int block = job_.cache.spec().block_size;
    int shared = 0;
    while (shared < limit && a_slots.slot(shared) == b_slots.slot(shared)) shared += block;
    return std::min(shared, limit);
  }

  // Into how many tasks a tile and head is cut: all the longest context's splits, or 1.
  int parallel_splits(int num_threads) const {
    int most = 0;
    for (const Tile& tile : tiles_) most = std::max(most, tile_keys(tile));
    const int splits = std::max(1, (most + kSplitKeys - 1) / kSplitKeys);
    const std::int64_t pairs = std::ssize(tiles_) * job_.shape.num_kv_heads;
    const bool cut = pairs < kTasksPerThread * num_threads && num_threads > 1 &&
                     pairs * splits * state_floats() <= kMaxPartialFloats;
    return cut ? splits : 1;
  }

  State cut_state(Cutter& cutter) const {
    return {.max = cutter.take(rows_),
            .sum = cutter.take(rows_),
            .out = cutter.take(std::int64_t{rows_} * dim_)};
  }

  std::int64_t state_floats() const {
    Cutter measure(nullptr);
    cut_state(measure);
    return measure.taken();
  }

  Scratch cut_scratch(Cutter& cutter) const {
    Scratch scratch{.queries = cutter.take(std::int64_t{rows_} * dim_),
                    .weights = cutter.take(std::int64_t{rows_} * kChunkKeys),
                    .factors = cutter.take(rows_),
                    .added = cutter.take(rows_),
                    .seen = reinterpret_cast<int*>(cutter.take(rows_)),
                    .total = cut_state(cutter),
                    .split = cut_state(cutter),
                    .gathered = {},
                    .widened = {}};
    const std::int64_t panel_size = std::int64_t{dim_} * kPanelKeys;
    for (auto* const panels : {scratch.gathered, scratch.widened}) {
      for (int i = 0; i < kChunkPanels; ++i) {
        panels[i] = {.keys = cutter.take(panel_size),
                     .values = cutter.take(panel_size),
                     .key_scales = cutter.take(kPanelKeys),
                     .value_scales = cutter.take(kPanelKeys)};
      }
    }
    return scratch;
  }

  // The latest tokens see the most keys: the longest tasks come first, short ones fill the gaps.
  const Tile& tile_of(std::int64_t pair) const {
    const std::int64_t index = pair / job_.shape.num_kv_heads;
    return tiles_[tiles_.size() - 1 - static_cast<std::size_t>(index)];
  }
  int head_of(std::int64_t pair) const { return static_cast<int>(pair % job_.shape.num_kv_heads); }
  int num_rows(const Tile& tile) const { return (tile.end - tile.begin) * group_; }

  float* head_row(const TensorView& tensor, std::int64_t pair, int row) const {
    const std::int64_t token = tile_of(pair).begin + row / group_;
    const std::int64_t head = std::int64_t{head_of(pair)} * group_ + row % group_;
    return tensor.as<float>() + token * tensor.dim(1) + head * dim_;
  }

  // fn(sequence, first token, end) for the sequences of a tile.
  template <class Fn>
  void for_each_segment(const Tile& tile, const Fn& fn) const {
    int begin = tile.begin;
    for (std::int64_t seq = tile.seq; begin < tile.end; ++seq) {
      const int end = std::min(tile.end, query_start(seq + 1));
      if (begin < end) fn(seq, begin, end);
      begin = end;
    }
  }

  int tile_keys(const Tile& tile) const {
    int most = 0;
    for_each_segment(
        tile, [&](std::int64_t seq, int, int end) { most = std::max(most, seen(seq, end - 1)); });
    return most;
  }

  void find_seen(const Tile& tile, int* to) const {
    for_each_segment(tile, [&](std::int64_t seq, int begin, int end) {
      for (int token = begin; token < end; ++token) {
        to = std::fill_n(to, group_, seen(seq, token));
      }
    });
  }

  void attend_all(std::int64_t pair, const Scratch& scratch) const {
    const Tile& tile = tile_of(pair);
    prepare(pair, scratch);
    attend_split(pair, 0, scratch, scratch.total);
    const int keys = tile_keys(tile);
    for (int split = 1; split * kSplitKeys < keys; ++split) {
      attend_split(pair, split, scratch, scratch.split);
      merge(num_rows(tile), split, scratch, scratch.split);
    }
    finish(pair, scratch);
  }

  void attend_one(std::int64_t pair, int split, const Scratch& scratch,
                  const State& partial) const {
    if (split * kSplitKeys >= tile_keys(tile_of(pair))) return;
    prepare(pair, scratch);
    attend_split(pair, split, scratch, partial);
  }

  template <class Partial>
  void merge_all(std::int64_t pair, Scratch scratch, const Partial& partial) const {
    const Tile& tile = tile_of(pair);
    find_seen(tile, scratch.seen);
    scratch.total = partial(0);
    const int keys = tile_keys(tile);
    for (int split = 1; split * kSplitKeys < keys; ++split) {
      merge(num_rows(tile), split, scratch, partial(split));
    }
    finish(pair, scratch);
  }

  // Scores become logarithms to base 2 where the fewest numbers are: in the queries.
  void prepare(std::int64_t pair, const Scratch& scratch) const {
    const Tile& tile = tile_of(pair);
    const float scale = job_.scale * 1.44269504F;
    for (int row = 0; row < num_rows(tile); ++row) {
      const float* const query = head_row(job_.q, pair, row);
      float* const to = scratch.queries + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) to[d] = query[d] * scale;
    }
    find_seen(tile, scratch.seen);
  }

  // The softmax of one split's keys. What the tile's sequences share is read once for all of them.
  void attend_split(std::int64_t pair, int split, const Scratch& scratch,
                    const State& state) const {
    const Tile& tile = tile_of(pair);
    const int rows = num_rows(tile);
    std::fill_n(state.out, std::int64_t{rows} * dim_, 0.0F);
    std::fill_n(state.max, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(state.sum, rows, 0.0F);

    const int first = split * kSplitKeys;
    const int last = first + kSplitKeys;
    const int shared = std::clamp(tile.shared, first, last);
    attend_keys(pair, tile.seq, first, shared, 0, rows, scratch, state);
    for_each_segment(tile, [&](std::int64_t seq, int begin, int end) {
      attend_keys(pair, seq, shared, std::min(last, seen(seq, end - 1)),
                  (begin - tile.begin) * group_, (end - begin) * group_, scratch, state);
    });
  }

  // Rows [row, row + rows) of the tile with keys [begin, end) of a sequence.
  void attend_keys(std::int64_t pair, std::int64_t seq, int begin, int end, int row, int rows,
                   const Scratch& scratch, const State& state) const {
    const KvPanels panels(job_.cache, job_.layer, head_of(pair), slots(seq));
    const std::int64_t offset = std::int64_t{row} * dim_;
    AttentionChunk chunk{.rows = rows,
                         .head_dim = dim_,
                         .queries = scratch.queries + offset,
                         .type = type_,
                         .panels = {},
                         .begin = begin,
                         .seen = scratch.seen + row,
                         .weights = scratch.weights,
                         .factors = scratch.factors,
                         .added = scratch.added,
                         .max = state.max + row,
                         .sum = state.sum + row,
                         .out = state.out + offset};
    const bool widen = type_ != KvType::kF32 && rows >= kWidenRows;
    if (widen) chunk.type = KvType::kF32;
    for (; chunk.begin < end; chunk.begin += kChunkKeys) {
      for (int i = 0; i < kChunkPanels; ++i) {
        const int key = chunk.begin + i * kPanelKeys;
        const int count = std::min(kPanelKeys, end - key);
        if (count <= 0) break;
        KvPanel& panel = chunk.panels[i];
        panel = panels.read(key, count, scratch.gathered[i]);
        if (widen) panel = widen_panel(kernels_, job_.cache, panel, count, scratch.widened[i]);
      }
      kernels_.attend(chunk);
    }
  }

  // Adds a later split to the total of those rows that see any of it.
  void merge(int rows, int split, const Scratch& scratch, const State& later) const {
    const State& total = scratch.total;
    for (int row = 0; row < rows; ++row) {
      if (scratch.seen[row] <= split * kSplitKeys) continue;
      const float max = std::max(total.max[row], later.max[row]);
      const float exponents[2] = {(total.max[row] - max) * 0.693147181F,
                                  (later.max[row] - max) * 0.693147181F};
      float factors[2];
      kernels_.exp(exponents, 2, factors);
      total.max[row] = max;
      total.sum[row] = total.sum[row] * factors[0] + later.sum[row] * factors[1];
      float* const out = total.out + std::int64_t{row} * dim_;
      const float* const more = later.out + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) out[d] = out[d] * factors[0] + more[d] * factors[1];
    }
  }

  void finish(std::int64_t pair, const Scratch& scratch) const {
    for (int row = 0; row < num_rows(tile_of(pair)); ++row) {
      float* const out = head_row(job_.out, pair, row);
      const float* const mixed = scratch.total.out + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) out[d] = mixed[d] / scratch.total.sum[row];
    }
  }

  const KernelTable& kernels_;
  const AttentionJob& job_;
  const int dim_;
  const int group_;        // query heads of one KV head
  const int tile_tokens_;  // query tokens of a task, at most
  const int rows_;         // query rows of a task, at most
  const KvType type_;
  std::vector<Tile> tiles_;
};

}  // namespace

void run_attention(const KernelTable& kernels, ThreadPool& pool, Workspace& workspace,
                   const AttentionJob& job) {
  Attention(kernels, job).run(pool, workspace);
}

}  // namespace parapet::cpu
