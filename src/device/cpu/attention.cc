#include "device/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "device/cpu/kv_panels.h"
#include "device/cpu/query_tiles.h"

namespace parapet::cpu {
namespace {

// Query rows (tokens times heads of a group) of one task, which share a read of the keys and
// values: with 128 elements a head the most take 384 KiB, of a second-level cache of 512.
constexpr int kMostRows = 192;
constexpr int kFewestRows = 48;
// On matrix tiles products are cheap beside what it takes to read keys and values: 1.3 MiB, of a
// second-level cache of 2.
constexpr int kMostTiledRows = 384;
// So many tasks for each thread even out. Where there are fewer, tiles become smaller, and then
// splits of long contexts tasks of their own, in as much memory as this.
constexpr std::int64_t kTasksPerThread = 4;
constexpr std::int64_t kMostPartialFloats = std::int64_t{4} << 20;
// From so many rows on it pays to make a panel floats once, not in each tile of the kernel.
constexpr int kWidenRows = 8;

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
  AttentionTiles tiles;
};

// Cuts memory into arrays on cache lines; without memory it measures how much they take.
class Cutter {
 public:
  explicit Cutter(float* memory = nullptr) : memory_(memory) {}

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

// Tokens of a tile. Only speed depends on it, as on all that follows from the number of threads.
int tile_tokens(const AttentionJob& job, int num_threads, bool tiled) {
  const int group = job.shape.num_heads / job.shape.num_kv_heads;
  const std::int64_t rows = job.batch.num_tokens() * group * job.shape.num_kv_heads;
  int most = tiled ? kMostTiledRows : kMostRows;
  while (most > kFewestRows && rows / most < kTasksPerThread * num_threads) most /= 2;
  return std::max(1, most / group);
}

// An item of work is a tile for one KV head, or one split of it.
class Attention {
 public:
  Attention(const KernelTable& kernels, const AttentionJob& job, int num_threads)
      : kernels_(kernels),
        job_(job),
        dim_(job.shape.head_dim),
        group_(job.shape.num_heads / job.shape.num_kv_heads),
        type_(kv_type(job.cache)),
        tiled_(kernels.tile_attention != nullptr && type_ == KvType::kBf16 &&
               dim_ % kTileInputs == 0),
        tiles_(job.batch, job.cache.spec().block_size, tile_tokens(job, num_threads, tiled_),
               kChunkKeys),
        num_items_(tiles_.size() * job.shape.num_kv_heads) {
    for (std::int64_t i = 0; i < tiles_.size(); ++i) {
      rows_ = std::max(rows_, num_rows(tiles_[i]));
      keys_ = std::max(keys_, tiles_.keys(tiles_[i]));
    }
    Cutter scratch;
    cut_scratch(scratch);
    scratch_floats_ = scratch.taken();
    Cutter state;
    cut_state(state);
    state_floats_ = state.taken();
  }

  void run(ThreadPool& pool, Workspace& workspace) {
    const int num_splits = (keys_ + kSplitKeys - 1) / kSplitKeys;
    const std::int64_t partials = num_items_ * num_splits * state_floats_;
    const std::int64_t enough = kTasksPerThread * pool.num_threads();
    const bool cut = num_splits > 1 && pool.num_threads() > 1 && num_items_ < enough &&
                     partials <= kMostPartialFloats;
    const std::int64_t scratches = scratch_floats_ * pool.num_threads();
    memory_ = workspace.floats(static_cast<std::size_t>(scratches + (cut ? partials : 0)));
    if (cut) {
      run_splits(pool, num_splits, memory_ + scratches);
    } else {
      pool.run(num_items_, [&](std::int64_t item, int thread) { attend_item(item, thread); });
    }
  }

 private:
  void run_splits(ThreadPool& pool, int num_splits, float* partials) const {
    const auto partial = [&](std::int64_t item, int split) {
      Cutter cutter(partials + (item * num_splits + split) * state_floats_);
      return cut_state(cutter);
    };
    pool.run(num_items_ * num_splits, [&](std::int64_t task, int thread) {
      const std::int64_t item = task / num_splits;
      const auto split = static_cast<int>(task % num_splits);
      if (split * kSplitKeys >= tiles_.keys(tile_of(item))) return;
      const Scratch scratch = scratch_of(thread);
      prepare(item, scratch);
      attend_split(item, split, scratch, partial(item, split));
    });
    pool.run(num_items_, [&](std::int64_t item, int thread) {
      const QueryTile& tile = tile_of(item);
      Scratch scratch = scratch_of(thread);
      find_seen(tile, scratch.seen);
      scratch.total = partial(item, 0);
      for (int split = 1; split * kSplitKeys < tiles_.keys(tile); ++split) {
        merge(num_rows(tile), split, scratch, partial(item, split));
      }
      finish(item, scratch);
    });
  }

  void attend_item(std::int64_t item, int thread) const {
    const QueryTile& tile = tile_of(item);
    const Scratch scratch = scratch_of(thread);
    prepare(item, scratch);
    attend_split(item, 0, scratch, scratch.total);
    for (int split = 1; split * kSplitKeys < tiles_.keys(tile); ++split) {
      attend_split(item, split, scratch, scratch.split);
      merge(num_rows(tile), split, scratch, scratch.split);
    }
    finish(item, scratch);
  }

  // The latest tokens see the most keys: the longest tasks come first, short ones fill the gaps.
  const QueryTile& tile_of(std::int64_t item) const {
    return tiles_[tiles_.size() - 1 - item / job_.shape.num_kv_heads];
  }
  int kv_head_of(std::int64_t item) const {
    return static_cast<int>(item % job_.shape.num_kv_heads);
  }
  int num_rows(const QueryTile& tile) const { return (tile.end - tile.begin) * group_; }

  float* head_row(const TensorView& tensor, std::int64_t item, int row) const {
    const std::int64_t token = tile_of(item).begin + row / group_;
    const std::int64_t head = std::int64_t{kv_head_of(item)} * group_ + row % group_;
    return tensor.as<float>() + token * tensor.dim(1) + head * dim_;
  }

  State cut_state(Cutter& cutter) const {
    return {.max = cutter.take(rows_),
            .sum = cutter.take(rows_),
            .out = cutter.take(std::int64_t{rows_} * dim_)};
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
                    .widened = {},
                    .tiles = {}};
    const std::int64_t panel_size = std::int64_t{dim_} * kPanelKeys;
    for (auto* const panels : {scratch.gathered, scratch.widened}) {
      for (int i = 0; i < kChunkPanels; ++i) {
        panels[i] = {.keys = cutter.take(panel_size),
                     .values = cutter.take(panel_size),
                     .key_scales = cutter.take(kPanelKeys),
                     .value_scales = cutter.take(kPanelKeys)};
      }
    }
    if (tiled_) scratch.tiles = cut_tiles(cutter);
    return scratch;
  }

  AttentionTiles cut_tiles(Cutter& cutter) const {
    const auto bf16 = [&](std::int64_t count) {
      return reinterpret_cast<std::byte*>(cutter.take(count / 2));
    };
    return {.keys = 0,
            .next = {},
            .queries = bf16(std::int64_t{rows_} * dim_ * kMaxTileParts),
            .key_tiles = bf16(std::int64_t{kChunkKeys} * dim_),
            .value_tiles = bf16(std::int64_t{kChunkKeys} * dim_),
            .weights = bf16(std::int64_t{kTiledRows} * kChunkKeys * kMaxTileParts)};
  }

  Scratch scratch_of(int thread) const {
    Cutter cutter(memory_ + scratch_floats_ * thread);
    return cut_scratch(cutter);
  }

  void find_seen(const QueryTile& tile, int* to) const {
    tiles_.for_each_sequence(tile, [&](std::int64_t seq, int begin, int end) {
      for (int token = begin; token < end; ++token) {
        to = std::fill_n(to, group_, tiles_.seen(seq, token));
      }
    });
  }

  // Scores become logarithms to base 2 where there are the fewest numbers: in the queries.
  void prepare(std::int64_t item, const Scratch& scratch) const {
    const QueryTile& tile = tile_of(item);
    const float scale = job_.scale * std::numbers::log2e_v<float>;
    for (int row = 0; row < num_rows(tile); ++row) {
      const float* const query = head_row(job_.q, item, row);
      float* const to = scratch.queries + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) to[d] = query[d] * scale;
    }
    find_seen(tile, scratch.seen);
  }

  // The softmax of one split's keys. What the tile's sequences share is read once for all of them.
  void attend_split(std::int64_t item, int split, const Scratch& scratch,
                    const State& state) const {
    const QueryTile& tile = tile_of(item);
    const int rows = num_rows(tile);
    std::fill_n(state.out, std::int64_t{rows} * dim_, 0.0F);
    std::fill_n(state.max, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(state.sum, rows, 0.0F);

    const int first = split * kSplitKeys;
    const int last = first + kSplitKeys;
    const int shared = std::clamp(tile.shared, first, last);
    AttentionChunk chunk = make_chunk(0, rows, scratch, state);
    attend_keys(item, tile.seq, first, shared, scratch, chunk);
    tiles_.for_each_sequence(tile, [&](std::int64_t seq, int begin, int end) {
      chunk = make_chunk((begin - tile.begin) * group_, (end - begin) * group_, scratch, state);
      attend_keys(item, seq, shared, std::min(last, tiles_.seen(seq, end - 1)), scratch, chunk);
    });
  }

  // Of rows [row, row + rows) of a tile, still without keys.
  AttentionChunk make_chunk(int row, int rows, const Scratch& scratch, const State& state) const {
    const std::int64_t offset = std::int64_t{row} * dim_;
    return {.rows = rows,
            .head_dim = dim_,
            .queries = scratch.queries + offset,
            .type = type_,
            .panels = {},
            .next_keys = {},
            .begin = 0,
            .seen = scratch.seen + row,
            .weights = scratch.weights,
            .factors = scratch.factors,
            .added = scratch.added,
            .max = state.max + row,
            .sum = state.sum + row,
            .out = state.out + offset};
  }

  // The chunk's rows with keys [begin, end) of a sequence.
  void attend_keys(std::int64_t item, std::int64_t seq, int begin, int end, const Scratch& scratch,
                   AttentionChunk& chunk) const {
    if (begin >= end) return;
    const KvPanels panels(job_.cache, job_.layer, kv_head_of(item), tiles_.slots(seq));
    const bool widen = !tiled_ && type_ != KvType::kF32 && chunk.rows >= kWidenRows;
    if (widen) chunk.type = KvType::kF32;
    if (tiled_) {
      kernels_.tile_attention->split(chunk.queries, chunk.rows, dim_, scratch.tiles.queries);
    }
    for (chunk.begin = begin; chunk.begin < end; chunk.begin += kChunkKeys) {
      for (int i = 0; i < kChunkPanels; ++i) {
        const int key = chunk.begin + i * kPanelKeys;
        const int count = std::min(kPanelKeys, end - key);
        if (count <= 0) break;
        chunk.next_keys[i] = panels.keys(key + kChunkKeys < end ? key + kChunkKeys : key);
        chunk.panels[i] = panels.read(key, count, scratch.gathered[i]);
        if (!widen) continue;
        chunk.panels[i] =
            widen_panel(kernels_, job_.cache, chunk.panels[i], count, scratch.widened[i]);
      }
      if (tiled_) {
        attend_on_tiles(panels, end, scratch.tiles, chunk);
      } else {
        kernels_.attend(chunk);
      }
    }
  }

  void attend_on_tiles(const KvPanels& panels, int end, AttentionTiles tiles,
                       const AttentionChunk& chunk) const {
    tiles.keys = std::min(kChunkKeys, end - chunk.begin);
    for (int i = 0; i < kChunkPanels; ++i) {
      const int key = chunk.begin + kChunkKeys + i * kPanelKeys;
      const int next = key < end ? key : chunk.begin;
      tiles.next[i] = panels.keys(next);
      tiles.next[kChunkPanels + i] = panels.values(next);
    }
    kernels_.tile_attention->attend(chunk, tiles);
  }

  // Adds a later split to the total of those rows that see any of it.
  void merge(int rows, int split, const Scratch& scratch, const State& later) const {
    const State& total = scratch.total;
    for (int row = 0; row < rows; ++row) {
      if (scratch.seen[row] <= split * kSplitKeys) continue;
      const float max = std::max(total.max[row], later.max[row]);
      const float exponents[] = {(total.max[row] - max) * std::numbers::ln2_v<float>,
                                 (later.max[row] - max) * std::numbers::ln2_v<float>};
      float factors[2];
      kernels_.exp(exponents, 2, factors);
      total.max[row] = max;
      total.sum[row] = total.sum[row] * factors[0] + later.sum[row] * factors[1];
      float* const out = total.out + std::int64_t{row} * dim_;
      const float* const more = later.out + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) out[d] = out[d] * factors[0] + more[d] * factors[1];
    }
  }

  void finish(std::int64_t item, const Scratch& scratch) const {
    for (int row = 0; row < num_rows(tile_of(item)); ++row) {
      float* const out = head_row(job_.out, item, row);
      const float* const mixed = scratch.total.out + std::int64_t{row} * dim_;
      for (int d = 0; d < dim_; ++d) out[d] = mixed[d] / scratch.total.sum[row];
    }
  }

  const KernelTable& kernels_;
  const AttentionJob& job_;
  const int dim_;
  const int group_;  // query heads of one KV head
  const KvType type_;
  const bool tiled_;  // computed on matrix tiles
  const QueryTiles tiles_;
  const std::int64_t num_items_;
  int rows_ = 0;  // of a tile, at most
  int keys_ = 0;  // likewise
  std::int64_t scratch_floats_ = 0;
  std::int64_t state_floats_ = 0;
  float* memory_ = nullptr;  // the threads' scratch
};

}  // namespace

void run_attention(const KernelTable& kernels, ThreadPool& pool, Workspace& workspace,
                   const AttentionJob& job) {
  Attention(kernels, job, pool.num_threads()).run(pool, workspace);
}

}  // namespace parapet::cpu
