#include "device/cpu/dense_linear.h"

#include <algorithm>
#include <cstring>

#include "device/cpu/cache_sizes.h"
#include "device/cpu/norm_rows.h"

namespace parapet::cpu {
namespace {

// What stays in the second-level cache, of 512 KiB or more: a block of a tile's activations (5/8 of
// it), 24 widened columns of the block (48 KiB), the next 24 as the checkpoint has them, and the
// sums of a tile. A tile is three panels wide, so that activations come from further away once in
// three.
constexpr std::int64_t kPanelCols = 24;
constexpr std::int64_t kMaxTileCols = 3 * kPanelCols;
// Rows and columns that are multiplied between two requests for the next panel's weights.
constexpr std::int64_t kPieceStrips = 4;
constexpr std::int64_t kCacheLine = 64;
// Columns in the inner tiles of every instruction set: 3 or 4.
constexpr std::int64_t kColUnit = 12;
// Up to this many strips of rows convert the weights again rather than wait for a widened panel:
// the reads from memory then overlap with the multiplications.
constexpr std::int64_t kStreamStrips = 4;

// How the work is cut. Only speed depends on it.
struct Plan {
  std::int64_t rows;
  std::int64_t in;
  std::int64_t cols;       // of one band
  std::int64_t tile_rows;  // rows of a tile
  std::int64_t tile_cols;  // columns of a tile in each band
  bool stream;             // few rows: use the weights where they are
  std::int64_t block;      // elements of k that are widened at once

  std::int64_t row_tiles() const { return ceil_div(rows, tile_rows); }
  std::int64_t col_tiles() const { return ceil_div(cols, tile_cols); }
};

Plan make_plan(const KernelTable& kernels, int num_threads, const LinearJob& job) {
  Plan plan{};
  plan.rows = job.x.dim(0);
  plan.in = job.weight.in_features();
  plan.cols = job.weight.out_features() / job.bands;
  plan.stream = plan.rows <= kStreamStrips * kernels.tile_rows;
  plan.block = plan.rows <= kernels.tile_rows ? plan.in : std::min(plan.in, kDotBlock);
  const std::int64_t max_rows = cache_sizes().second_level * 5 / 8 / (kDotBlock * 4);
  const std::int64_t row_tiles = std::max<std::int64_t>(1, ceil_div(plan.rows, max_rows));
  plan.tile_rows = round_up(ceil_div(plan.rows, row_tiles), kernels.tile_rows);
  const std::int64_t items = ceil_div(kItemsPerThread * num_threads, row_tiles);
  plan.tile_cols = std::clamp(round_up(ceil_div(plan.cols, items), kColUnit), kColUnit,
                              kMaxTileCols / job.bands);
  return plan;
}

// Columns of a tile, where the checkpoint has them.
struct WeightColumns {
  const std::byte* address[kMaxTileCols];  // of element 0
  std::int64_t count = 0;
};

// Asks for part of some columns, a share at a time. An address past the end is harmless.
class Fetch {
 public:
  Fetch(const std::byte* const* columns, std::int64_t count, std::size_t first_byte,
        std::size_t bytes)
      : columns_(columns),
        first_byte_(first_byte),
        lines_(ceil_div(static_cast<std::int64_t>(bytes), kCacheLine)),
        end_(count * lines_) {}

  // Up to `part` of `parts`.
  void advance(std::int64_t part, std::int64_t parts) {
    for (const std::int64_t end = end_ * part / parts; at_ < end; ++at_) {
      constexpr int kRead = 0;
      constexpr int kSecondLevel = 2;
      __builtin_prefetch(columns_[at_ / lines_] + first_byte_ + at_ % lines_ * kCacheLine, kRead,
                         kSecondLevel);
    }
  }

 private:
  const std::byte* const* columns_;
  std::size_t first_byte_;
  std::int64_t lines_;  // of a column
  std::int64_t end_;
  std::int64_t at_ = 0;
};

class DenseLinear {
 public:
  DenseLinear(const LinearContext& context, const LinearJob& job, const HostLinear& weight,
              const Plan& plan)
      : kernels_(context.kernels), job_(job), weight_(weight), plan_(plan) {
    const std::int64_t num_threads = context.pool.num_threads();
    const std::int64_t cols = job.bands * plan.tile_cols;
    panel_size_ = plan.stream ? 0 : std::min(cols, kPanelCols) * plan.block;
    sums_size_ = round_up(plan.tile_rows * cols, 16);
    const std::int64_t x_size = round_up(plan.rows * plan.in + plan.in, 16);
    float* const memory = context.workspace.floats(
        static_cast<std::size_t>(x_size + num_threads * (panel_size_ + sums_size_)));
    x_ = memory;
    per_thread_ = memory + x_size;
  }

  void run(ThreadPool& pool) {
    float* const scale = x_ + plan_.rows * plan_.in;
    const NormRows norm{.kernels = kernels_, .x = job_.x, .norm = job_.norm, .scale = scale};
    norm.prepare();
    pool.run(plan_.rows, [&](std::int64_t row, int) { copy_row(norm, row); });
    pool.run(plan_.row_tiles() * plan_.col_tiles(), [&](std::int64_t item, int thread) {
      // Tiles of the same weights follow each other: the second finds them in a cache.
      run_tile(item % plan_.row_tiles(), item / plan_.row_tiles(), thread);
    });
  }

 private:
  // Into [in / block][rows][block]: each block of all rows is dense.
  void copy_row(const NormRows& norm, std::int64_t row) const {
    const float factor = norm.factor(row);
    for (std::int64_t k = 0; k < plan_.in; k += plan_.block) {
      norm.copy(row, factor, k, extent_at(k), x_ + k * plan_.rows + row * extent_at(k));
    }
  }

  void run_tile(std::int64_t row_tile, std::int64_t col_tile, int thread) const {
    float* const sums = per_thread_ + thread * (panel_size_ + sums_size_);
    float* const panel = sums + sums_size_;
    const std::int64_t row = row_tile * plan_.tile_rows;
    const std::int64_t col = col_tile * plan_.tile_cols;
    LinearTile tile{.row = row,
                    .rows = std::min(plan_.tile_rows, plan_.rows - row),
                    .col = col,
                    .cols = std::min(plan_.tile_cols, plan_.cols - col),
                    .sums = sums,
                    .stride = 0,
                    .band_stride = 0};
    tile.stride = job_.bands * tile.cols;
    tile.band_stride = tile.cols;
    if (plan_.in == 0) std::fill_n(sums, tile.rows * tile.stride, 0.0F);
    if (plan_.stream) {
      for (std::int64_t k = 0; k < plan_.in; k += plan_.block) stream_weights(tile, k);
    } else {
      multiply_panels(tile, panel);
    }
    job_.finish(tile);
  }

  // The weights are read where they are.
  void stream_weights(const LinearTile& tile, std::int64_t k) const {
    for_each_run(tile, [&](const std::byte* weights, std::int64_t count, std::int64_t at) {
      multiply(tile, k, weight_.dtype(), weights + k_bytes(k), weight_.row_bytes(), count, at);
    });
  }

  // Elements [k, k + kDotBlock) of a panel's columns are widened and used for all rows of the tile.
  // There they lie densely, whatever the stride of the weight: rows a power of two apart would
  // fight for the same cache sets.
  void multiply_panels(const LinearTile& tile, float* panel) const {
    WeightColumns columns;
    for_each_run(tile, [&](const std::byte* weights, std::int64_t count, std::int64_t) {
      for (std::int64_t c = 0; c < count; ++c) {
        columns.address[columns.count++] =
            weights + static_cast<std::size_t>(c) * weight_.row_bytes();
      }
    });
    for (std::int64_t k = 0; k < plan_.in; k += plan_.block) {
      const std::int64_t extent = extent_at(k);
      for (std::int64_t first = 0; first < columns.count; first += kPanelCols) {
        const std::int64_t end = std::min(first + kPanelCols, columns.count);
        for (std::int64_t c = first; c < end; ++c) {
          kernels_.widen[static_cast<int>(weight_.dtype())](columns.address[c] + k_bytes(k), extent,
                                                            panel + (c - first) * extent);
        }
        Fetch next =
            end < columns.count ? fetch(columns, end, k) : fetch(columns, 0, k + plan_.block);
        multiply_panel(tile, k, panel, first, end, next);
      }
    }
  }

  // The panel of block k that begins with column `first`; nothing where k is past the last.
  Fetch fetch(const WeightColumns& columns, std::int64_t first, std::int64_t k) const {
    if (k >= plan_.in) return {columns.address, 0, 0, 0};
    return {columns.address + first, std::min(kPanelCols, columns.count - first), k_bytes(k),
            k_bytes(extent_at(k))};
  }

  // Columns [first, end) of the tile, widened in `panel`. The next panel's weights come from memory
  // meanwhile.
  void multiply_panel(const LinearTile& tile, std::int64_t k, const float* panel,
                      std::int64_t first, std::int64_t end, Fetch& next) const {
    const std::int64_t extent = extent_at(k);
    const std::int64_t piece_rows = kPieceStrips * kernels_.tile_rows;
    const std::int64_t pieces = ceil_div(end - first, kColUnit) * ceil_div(tile.rows, piece_rows);
    std::int64_t piece = 0;
    for (std::int64_t col = first; col < end; col += kColUnit) {
      for (std::int64_t row = 0; row < tile.rows; row += piece_rows) {
        next.advance(++piece, pieces);
        LinearTile part = tile;
        part.row += row;
        part.rows = std::min(piece_rows, tile.rows - row);
        part.sums += row * tile.stride;
        multiply(part, k, DType::kF32,
                 reinterpret_cast<const std::byte*>(panel + (col - first) * extent),
                 static_cast<std::size_t>(extent) * sizeof(float), std::min(kColUnit, end - col),
                 col);
      }
    }
  }

  // Adds the products of block k to `cols` columns of the tile's sums, from column `at` on.
  void multiply(const LinearTile& tile, std::int64_t k, DType dtype, const std::byte* weights,
                std::size_t stride_bytes, std::int64_t cols, std::int64_t at) const {
    const std::int64_t extent = extent_at(k);
    kernels_.dot[static_cast<int>(dtype)]({.x = x_ + k * plan_.rows + tile.row * extent,
                                           .x_stride = extent,
                                           .rows = tile.rows,
                                           .w = weights,
                                           .w_stride_bytes = stride_bytes,
                                           .cols = cols,
                                           .k = extent,
                                           .sums = tile.sums + at,
                                           .sums_stride = tile.stride,
                                           .accumulate = k > 0});
  }

  // Elements of the block that begins at k.
  std::int64_t extent_at(std::int64_t k) const { return std::min(plan_.block, plan_.in - k); }
  std::size_t k_bytes(std::int64_t k) const {
    return static_cast<std::size_t>(k) * dtype_size(weight_.dtype());
  }

  // fn(address, rows, column in the sums) for the weight rows of a tile, which lie in one or more
  // bands, and there in one or more parts of the checkpoint.
  template <class Fn>
  void for_each_run(const LinearTile& tile, const Fn& fn) const {
    for (int band = 0; band < job_.bands; ++band) {
      for (std::int64_t done = 0; done < tile.cols;) {
        const HostLinear::Run run =
            weight_.run(band * plan_.cols + tile.col + done, tile.cols - done);
        fn(run.data, run.rows, band * tile.cols + done);
        done += run.rows;
      }
    }
  }

  const KernelTable& kernels_;
  const LinearJob& job_;
  const HostLinear& weight_;
  const Plan plan_;
  std::int64_t panel_size_ = 0;
  std::int64_t sums_size_ = 0;
  float* x_ = nullptr;  // normalised, [in / block][rows][block]
  float* per_thread_ = nullptr;
};

}  // namespace

void run_dense_linear(const LinearContext& context, const LinearJob& job,
                      const HostLinear& weight) {
  const Plan plan = make_plan(context.kernels, context.pool.num_threads(), job);
  DenseLinear(context, job, weight, plan).run(context.pool);
}

}  // namespace parapet::cpu
