#include "device/cpu/tile_linear.h"

#include <algorithm>
#include <vector>

#include "device/cpu/norm_rows.h"
#include "device/cpu/tile_weights.h"

namespace parapet::cpu {
namespace {

// Weight tiles of an item of work, over all bands: 512 features. The more, the less often
// activations come from beyond the second-level cache.
constexpr std::int64_t kMaxTiles = 32;
// A stage is what of an item's weights is brought into tiles at once, to be used from there by all
// rows: 128 KiB. Its activations of kMaxItemRows rows, in three parts, take a bit more than half of
// a second-level cache of 2 MiB.
constexpr std::int64_t kStageTiles = 4;
constexpr std::int64_t kStageBlocks = 32;
constexpr std::int64_t kPanelFloats =
    kStageTiles * kStageBlocks * kTileBytes / static_cast<std::int64_t>(sizeof(float));
constexpr std::int64_t kMaxItemRows = 192;
constexpr std::int64_t kCacheLine = 64;
// What a stage's fetching left out is fetched so many bytes ahead.
constexpr std::int64_t kStageAhead = 512;

template <class Weights>
class TileLinear {
 public:
  TileLinear(const LinearContext& context, const LinearJob& job, const Weights& weights)
      : kernels_(context.kernels),
        tiles_(*context.kernels.tiles),
        pool_(context.pool),
        job_(job),
        weights_(weights),
        rows_(job.x.dim(0)),
        in_(job.weight.in_features()),
        blocks_(ceil_div(in_, kTileInputs)) {
    plan();
    allocate(context.workspace);
  }

  void run() {
    split_rows();
    if (few_rows()) return run_streams();
    const auto col_items = std::ssize(columns_);
    const std::int64_t row_items = ceil_div(rows_, item_rows_);
    pool_.run(row_items * col_items, [&](std::int64_t item, int thread) {
      // Items of the same weights follow each other: the second finds them in a cache.
      const std::int64_t next = std::min(item / row_items + pool_.num_threads(), col_items - 1);
      run_item(item % row_items * item_rows_, columns_[static_cast<std::size_t>(item / row_items)],
               columns_[static_cast<std::size_t>(next)], thread);
    });
  }

 private:
  bool few_rows() const { return rows_ <= kMaxStreamRows; }

  // A few rows are multiplied as the weights come from memory, whole rows of them.
  void run_streams() const {
    const float* const x = reinterpret_cast<const float*>(x_);
    pool_.run(std::ssize(columns_), [&](std::int64_t item, int thread) {
      const TileColumns& columns = columns_[static_cast<std::size_t>(item)];
      const LinearTile tile = tile_of(0, columns, thread);
      for (int band = 0; band < job_.bands; ++band) {
        weights_.stream(columns, band,
                        {.x = x,
                         .x_row_stride = blocks_ * Weights::kParts * kTileInputs,
                         .rows = rows_,
                         .sums = tile.sums + band * tile.band_stride,
                         .sums_stride = tile.stride});
      }
      job_.finish(tile);
    });
  }

  LinearTile tile_of(std::int64_t row, const TileColumns& columns, int thread) const {
    return {.row = row,
            .rows = std::min(item_rows_, rows_ - row),
            .col = columns.col,
            .cols = columns.cols,
            .sums = per_thread_ + thread * per_thread_size_ + kPanelFloats,
            .stride = sums_stride_,
            .band_stride = round_up(columns.cols, kTileSide)};
  }

  // The weight tiles of an item, and all their streams.
  struct Item {
    typename Weights::Tile tiles[kMaxTiles];
    const std::byte* streams[kMaxTiles * Weights::kStreams];
    std::int64_t count = 0;
  };

  void plan() {
    const std::int64_t row_items = ceil_div(rows_, kMaxItemRows);
    item_rows_ = round_up(ceil_div(rows_, row_items), 2 * kTileSide);
    const std::int64_t all_tiles = ceil_div(job_.weight.out_features(), kTileSide);
    const std::int64_t items = kItemsPerThread * pool_.num_threads();
    const std::int64_t tiles =
        std::clamp<std::int64_t>(round_up(ceil_div(all_tiles * row_items, items), 2), 2, kMaxTiles);
    columns_ = weights_.columns(tiles / job_.bands * kTileSide);
    // Rows a power of two apart would fight for the same cache sets.
    sums_stride_ = (tiles + 1) * kTileSide;
  }

  void allocate(Workspace& workspace) {
    const std::int64_t x_floats =
        ceil_div(rows_, kTileSide) * x_tile_stride() / static_cast<std::int64_t>(sizeof(float));
    const std::int64_t norm_floats = round_up(in_, 16);
    per_thread_size_ = std::max(norm_floats, kPanelFloats + item_rows_ * sums_stride_);
    float* const memory = workspace.floats(
        static_cast<std::size_t>(x_floats + norm_floats + pool_.num_threads() * per_thread_size_));
    x_ = reinterpret_cast<std::byte*>(memory);
    norm_scale_ = memory + x_floats;
    per_thread_ = norm_scale_ + norm_floats;
  }

  std::int64_t x_tile_stride() const { return blocks_ * Weights::kParts * kTileBytes; }

  void split_rows() const {
    const NormRows norm{.kernels = kernels_, .x = job_.x, .norm = job_.norm, .scale = norm_scale_};
    norm.prepare();
    pool_.run(rows_, [&](std::int64_t row, int thread) {
      const float* const x = norm.row(row, per_thread_ + thread * per_thread_size_);
      if (few_rows()) {
        float* const to = reinterpret_cast<float*>(x_);
        return tiles_.split_floats(x, in_, Weights::kParts,
                                   to + row * blocks_ * Weights::kParts * kTileInputs);
      }
      const std::int64_t tile = row / kTileSide;
      tiles_.split({.x = x,
                    .count = in_,
                    .parts = Weights::kParts,
                    .tile_rows = std::min<std::int64_t>(kTileSide, rows_ - tile * kTileSide),
                    .to = x_ + tile * x_tile_stride() + row % kTileSide * kTileInputs * 2});
    });
  }

  // Up to `most` of the tiles, an even number: of an odd one the last counts twice.
  Item tiles_of(const TileColumns& columns, std::int64_t most) const {
    Item item;
    const auto add = [&](const typename Weights::Tile& tile) {
      std::copy_n(tile.streams, Weights::kStreams, item.streams + item.count * Weights::kStreams);
      item.tiles[item.count++] = tile;
    };
    for (int band = 0; band < job_.bands; ++band) {
      for (std::int64_t col = 0; col < columns.cols && item.count < most; col += kTileSide) {
        add(weights_.tile(columns, band, col));
      }
    }
    if (item.count % 2 != 0) add(item.tiles[item.count - 1]);
    return item;
  }

  void run_item(std::int64_t row, const TileColumns& columns, const TileColumns& next_columns,
                int thread) const {
    float* const panel = per_thread_ + thread * per_thread_size_;
    const LinearTile tile = tile_of(row, columns, thread);
    if (blocks_ == 0) std::fill_n(tile.sums, tile.rows * tile.stride, 0.0F);
    const Item item = tiles_of(columns, kMaxTiles);
    const Item next = tiles_of(next_columns, kStageTiles);  // of which its first stage is fetched
    for (std::int64_t block = 0; block < blocks_; block += kStageBlocks) {
      for (std::int64_t first = 0; first < item.count; first += kStageTiles) {
        const Stage stage{block, first};
        LineFetch fetch;
        if (first + kStageTiles < item.count) {
          fetch = fetch_of(item, {block, first + kStageTiles}, tile.rows);
        } else if (block + kStageBlocks < blocks_) {
          fetch = fetch_of(item, {block + kStageBlocks, 0}, tile.rows);
        } else {
          fetch = fetch_of(next, {0, 0}, tile.rows);
        }
        multiply(tile, item, stage, reinterpret_cast<std::byte*>(panel), fetch);
      }
    }
    job_.finish(tile);
  }

  // Where a stage begins.
  struct Stage {
    std::int64_t block;
    std::int64_t tile;
  };
  std::int64_t stage_blocks(const Stage& stage) const {
    return std::min(kStageBlocks, blocks_ - stage.block);
  }
  static std::int64_t stage_tiles(const Item& item, const Stage& stage) {
    return std::min(kStageTiles, item.count - stage.tile);
  }

  // The lines of a stage, spread over the multiplication of another one.
  LineFetch fetch_of(const Item& item, const Stage& stage, std::int64_t rows) const {
    const std::int64_t begin = weights_.stream_offset(stage.block);
    const std::int64_t end = weights_.stream_offset(stage.block + stage_blocks(stage));
    const std::int64_t streams = stage_tiles(item, stage) * Weights::kStreams;
    const std::int64_t lines = ceil_div(end - begin, kCacheLine);
    const std::int64_t steps = kStageBlocks * kStageTiles / 2 * ceil_div(rows, 2 * kTileSide);
    const std::byte* const* const first = item.streams + stage.tile * Weights::kStreams;
    return {.streams = first,
            .end = first + streams,
            .offset = begin,
            .lines = lines,
            .per_block = ceil_div(streams * lines, steps)};
  }

  void multiply(const LinearTile& tile, const Item& item, const Stage& stage, std::byte* panel,
                LineFetch& fetch) const {
    const std::int64_t blocks = stage_blocks(stage);
    const std::int64_t tiles = stage_tiles(item, stage);
    for (std::int64_t t = 0; t < tiles; ++t) {
      weights_.stage(item.tiles[stage.tile + t], stage.block, blocks, kStageAhead,
                     panel + t * blocks * kTileBytes);
    }
    tiles_.dot({.x = x_ + tile.row / kTileSide * x_tile_stride(),
                .x_tile_stride = x_tile_stride(),
                .parts = Weights::kParts,
                .rows = tile.rows,
                .weights = panel,
                .weight_tile_stride = blocks * kTileBytes,
                .weight_tiles = tiles,
                .first_block = stage.block,
                .blocks = blocks,
                .sums = tile.sums + stage.tile * kTileSide,
                .sums_stride = tile.stride,
                .accumulate = stage.block > 0,
                .fetch = &fetch});
  }

  const KernelTable& kernels_;
  const TileKernels& tiles_;
  ThreadPool& pool_;
  const LinearJob& job_;
  const Weights& weights_;
  const std::int64_t rows_;
  const std::int64_t in_;
  const std::int64_t blocks_;

  // How the work is cut. Only speed depends on it.
  std::vector<TileColumns> columns_;
  std::int64_t item_rows_ = 0;
  std::int64_t sums_stride_ = 0;

  std::byte* x_ = nullptr;       // activations in tiles
  float* norm_scale_ = nullptr;  // [in]
  float* per_thread_ = nullptr;  // first a normalised row, then a stage's weights and sums
  std::int64_t per_thread_size_ = 0;
};

}  // namespace

void run_tile_linear(const LinearContext& context, const LinearJob& job, const HostLinear& weight) {
  const DenseTileWeights weights(weight, *context.kernels.tiles, job.bands);
  TileLinear(context, job, weights).run();
}

void run_tile_linear(const LinearContext& context, const LinearJob& job,
                     const HostPackedLinear& weight) {
  const PackedTileWeights weights(weight, *context.kernels.tiles, job.bands);
  TileLinear(context, job, weights).run();
}

}  // namespace parapet::cpu
