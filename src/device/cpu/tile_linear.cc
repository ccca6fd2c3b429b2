#include "device/cpu/tile_linear.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "device/cpu/cache_sizes.h"
#include "device/cpu/norm_rows.h"
#include "device/cpu/tile_weights.h"

namespace parapet::cpu {
namespace {

// Weight tiles of an item of work, over all bands: 512 features, or as many as have their sums in a
// quarter of the second-level cache. The more, the less often activations come from beyond it.
constexpr std::int64_t kMaxTiles = 32;
// Likewise: fewer items than elsewhere.
constexpr std::int64_t kTileItemsPerThread = 4;
// Activations of so many rows and a stage, in three parts, take a quarter of a second-level cache
// of 2 MiB.
constexpr std::int64_t kMaxItemRows = 192;
// Up to so many rows, a stage has two tiles, and the next one what follows them in memory: weights
// are waited for, and come faster in order. More rows would come from beyond the second-level cache
// for every two tiles.
constexpr std::int64_t kMaxNarrowRows = 48;
constexpr std::int64_t kNarrowTiles = 2;

template <class Weights>
class TileLinear {
 public:
  TileLinear(const LinearContext& context, const LinearJob& job, const Weights& weights)
      : kernels_(context.kernels),
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
  // One stage is multiplied while the next one is brought in.
  static constexpr std::int64_t kStageBytes =
      Weights::kStageTiles * Weights::kStageBlocks * Weights::kTileBytes;
  static constexpr std::int64_t kPanelFloats =
      2 * kStageBytes / static_cast<std::int64_t>(sizeof(float));

  bool few_rows() const { return rows_ <= weights_.max_stream_rows(); }
  std::int64_t few_row_floats() const { return blocks_ * Weights::kParts * kTileInputs; }

  // A few rows are multiplied as the weights come from memory, whole rows of them.
  void run_streams() const {
    const float* const x = reinterpret_cast<const float*>(x_);
    pool_.run(std::ssize(columns_), [&](std::int64_t item, int thread) {
      const TileColumns& columns = columns_[static_cast<std::size_t>(item)];
      const LinearTile tile = tile_of(0, columns, thread);
      for (int band = 0; band < job_.bands; ++band) {
        weights_.stream(columns, band,
                        {.x = x,
                         .x_row_stride = few_row_floats(),
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

  using Stage = TileStage<typename Weights::Tile>;

  // The weight tiles of an item.
  struct Item {
    typename Weights::Tile tiles[kMaxTiles];
    std::int64_t count = 0;
  };

  void plan() {
    const std::int64_t row_items = ceil_div(rows_, kMaxItemRows);
    item_rows_ = round_up(ceil_div(rows_, row_items), 2 * kTileSide);
    const std::int64_t all_tiles = ceil_div(job_.weight.out_features(), kTileSide);
    const std::int64_t items = kTileItemsPerThread * pool_.num_threads();
    const std::int64_t cached =
        cache_sizes().second_level / 4 / (item_rows_ * kTileSide * std::int64_t{sizeof(float)});
    const std::int64_t max_tiles = std::clamp<std::int64_t>(cached / 2 * 2, 2, kMaxTiles);
    const std::int64_t tiles =
        std::clamp<std::int64_t>(round_up(ceil_div(all_tiles * row_items, items), 2), 2, max_tiles);
    columns_ = weights_.columns(tiles / job_.bands * kTileSide);
    // Rows a power of two apart would fight for the same cache sets.
    sums_stride_ = (tiles + 1) * kTileSide;
  }

  void allocate(Workspace& workspace) {
    const std::int64_t x_floats = std::max(ceil_div(Weights::input_bytes(rows_, blocks_), 4),
                                           few_rows() ? rows_ * few_row_floats() : 0);
    const std::int64_t norm_floats = round_up(in_, 16);
    per_thread_size_ = std::max(norm_floats, kPanelFloats + item_rows_ * sums_stride_);
    float* const memory = workspace.floats(
        static_cast<std::size_t>(x_floats + norm_floats + pool_.num_threads() * per_thread_size_));
    x_ = reinterpret_cast<std::byte*>(memory);
    norm_scale_ = memory + x_floats;
    per_thread_ = norm_scale_ + norm_floats;
  }

  TileInputs inputs() const { return {.data = x_, .rows = rows_, .blocks = blocks_}; }

  void split_rows() const {
    const NormRows norm{.kernels = kernels_,
                        .x = job_.x,
                        .norm = job_.norm,
                        .scale = norm_scale_,
                        .input_factors = weights_.input_factors()};
    norm.prepare();
    pool_.run(rows_, [&](std::int64_t row, int thread) {
      const float* const x = norm.row(row, per_thread_ + thread * per_thread_size_);
      if (few_rows()) {
        return weights_.split_floats(x, in_, reinterpret_cast<float*>(x_) + row * few_row_floats());
      }
      weights_.split(x, in_, inputs(), row);
    });
  }

  // Up to `most` of the tiles, an even number: of an odd one the last counts twice.
  Item tiles_of(const TileColumns& columns, std::int64_t most) const {
    Item item;
    for (int band = 0; band < job_.bands; ++band) {
      for (std::int64_t col = 0; col < columns.cols && item.count < most; col += kTileSide) {
        item.tiles[item.count++] = weights_.tile(columns, band, col);
      }
    }
    if (item.count % 2 != 0) {
      item.tiles[item.count] = item.tiles[item.count - 1];
      ++item.count;
    }
    return item;
  }

  void run_item(std::int64_t row, const TileColumns& columns, const TileColumns& next_columns,
                int thread) const {
    float* const panels = per_thread_ + thread * per_thread_size_;
    const LinearTile tile = tile_of(row, columns, thread);
    if (blocks_ == 0) std::fill_n(tile.sums, tile.rows * tile.stride, 0.0F);
    const Item item = tiles_of(columns, kMaxTiles);
    const Item next_item =
        tiles_of(next_columns, Weights::kStageTiles);  // its first stage is fetched
    const std::int64_t stages = block_stages() * ceil_div(item.count, stage_tiles());
    std::byte* panel = reinterpret_cast<std::byte*>(panels);
    std::byte* next_panel = panel + kStageBytes;
    Stage stage = stage_of(item, 0);
    if (stages > 0) weights_.bring(stage, panel);
    for (std::int64_t following = 1; following <= stages; ++following) {
      const TileDotArgs args = dot_args(tile, item, stage, panel);
      if (following < stages) {
        stage = stage_of(item, following);
        weights_.dot_and_bring(args, stage, next_panel);
      } else {
        weights_.dot_and_fetch(args, stage_of(next_item, 0));
      }
      std::swap(panel, next_panel);
    }
    job_.finish(tile);
  }

  bool narrow() const { return rows_ <= kMaxNarrowRows; }
  std::int64_t stage_tiles() const { return narrow() ? kNarrowTiles : Weights::kStageTiles; }
  // Stages of the same tiles.
  std::int64_t block_stages() const { return ceil_div(blocks_, Weights::kStageBlocks); }

  // Stages go through all tiles of some blocks, then of the next ones; with few rows through all
  // blocks of some tiles.
  Stage stage_of(const Item& item, std::int64_t index) const {
    const std::int64_t tile_stages = ceil_div(item.count, stage_tiles());
    const std::int64_t tile =
        stage_tiles() * (narrow() ? index / block_stages() : index % tile_stages);
    const std::int64_t block =
        Weights::kStageBlocks * (narrow() ? index % block_stages() : index / tile_stages);
    return {.tiles = item.tiles + tile,
            .num_tiles = std::min(stage_tiles(), item.count - tile),
            .first_block = block,
            .blocks = std::min(Weights::kStageBlocks, blocks_ - block)};
  }

  TileDotArgs dot_args(const LinearTile& tile, const Item& item, const Stage& stage,
                       const std::byte* panel) const {
    return {.x = Weights::inputs_at(inputs(), tile.row, stage.first_block),
            .x_tile_stride = Weights::row_tile_stride(blocks_),
            .parts = Weights::kParts,
            .rows = tile.rows,
            .weights = panel,
            .weight_tile_stride = stage.blocks * Weights::kTileBytes,
            .weight_tiles = stage.num_tiles,
            .first_block = stage.first_block,
            .blocks = stage.blocks,
            .sums = tile.sums + (stage.tiles - item.tiles) * kTileSide,
            .sums_stride = tile.stride,
            .accumulate = stage.first_block > 0};
  }

  const KernelTable& kernels_;
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
  float* per_thread_ = nullptr;  // first a normalised row, then two stages' weights and sums
  std::int64_t per_thread_size_ = 0;
};

}  // namespace

void run_tile_linear(const LinearContext& context, const LinearJob& job, const HostLinear& weight) {
  if (context.kernels.tiles != nullptr && weight.dtype() == DType::kBF16) {
    const Bf16TileFormat format(*context.kernels.tiles);
    const DenseTileWeights weights(weight, format, job.bands);
    return TileLinear(context, job, weights).run();
  }
  const FloatTileFormat format(context.kernels.float_tiles, weight.dtype());
  const DenseTileWeights weights(weight, format, job.bands);
  TileLinear(context, job, weights).run();
}

void run_tile_linear(const LinearContext& context, const LinearJob& job,
                     const HostPackedLinear& weight) {
  const PackedTileWeights weights(weight, *context.kernels.tiles, job.bands);
  TileLinear(context, job, weights).run();
}

}  // namespace parapet::cpu
