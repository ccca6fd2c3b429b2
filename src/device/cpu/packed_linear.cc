#include "device/cpu/packed_linear.h"

#include <algorithm>
#include <span>
#include <vector>

#include "device/cpu/cache_sizes.h"
#include "device/cpu/norm_rows.h"

namespace parapet::cpu {
namespace {

static_assert(kPackedCols == kPanelFeatures);

// What a block of weights leaves of the first-level cache to the activations that pass by.
constexpr std::int64_t kPassingBytes = std::int64_t{16} << 10;
// Pieces a thread gets on average: enough to even out threads that the system interrupts.
constexpr std::int64_t kItemsPerThread = 6;
// Panels of a tile: the more, the less often activations are read again.
constexpr std::int64_t kMaxTilePanels = 4;
// What a row of a tile takes of the second-level cache: a block's activations, of up to two bytes,
// and sums.
constexpr std::int64_t kTileRowBytes = std::int64_t{2} << 10;
// Strips of rows up to which weights are read once and in order, without blocks.
constexpr std::int64_t kStreamStrips = 4;
// Over the ends of groups and panels, which follow each other. A page: what the processor sees of
// the order by itself ends there.
constexpr std::int64_t kFetchAhead = 4096;

// Some panels of one part, and of its like in every band.
struct PanelRange {
  std::size_t part;
  std::int64_t first;
  std::int64_t count;
};

class PackedLinear {
 public:
  PackedLinear(const LinearContext& context, const LinearJob& job, const HostPackedLinear& weight)
      : kernels_(context.kernels),
        packed_(context.kernels.packed[static_cast<int>(weight.format())]),
        pool_(context.pool),
        job_(job),
        weight_(weight),
        rows_(job.x.dim(0)),
        groups_(weight.groups()),
        group_size_(weight.group_size()) {
    plan();
    allocate(context.workspace);
  }

  void run() {
    quantize_rows();
    const auto col_tiles = std::ssize(tiles_);
    const auto panels_of = [&](std::int64_t item) {
      return tiles_[static_cast<std::size_t>(item % col_tiles)];
    };
    pool_.run(ceil_div(rows_, tile_rows_) * col_tiles, [&](std::int64_t item, int thread) {
      run_tile(item / col_tiles * tile_rows_, panels_of(item), panels_of(item + num_threads()),
               thread);
    });
  }

 private:
  std::int64_t num_threads() const { return pool_.num_threads(); }
  std::int64_t group_bytes() const { return group_size_ * packed_.value_bytes; }
  std::int64_t tile_cols() const { return job_.bands * tile_panels_ * kPackedCols; }

  void plan() {
    const std::span<const HostPackedLinear::Part> parts = weight_.band(0, job_.bands);
    std::int64_t panels = 0;
    for (const auto& part : parts) panels += part.matrix.shape.panels();
    stream_ = rows_ <= kStreamStrips * packed_.tile_rows;
    const std::int64_t max_panels = stream_ ? kMaxTilePanels : kMaxTilePanels / job_.bands;
    const std::int64_t row_tiles = ceil_div(rows_, cache_sizes().second_level / kTileRowBytes);
    tile_rows_ = round_up(ceil_div(rows_, row_tiles), packed_.tile_rows);
    tile_panels_ = std::clamp<std::int64_t>(
        ceil_div(panels * row_tiles, kItemsPerThread * num_threads()), 1, max_panels);
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::int64_t end = parts[part].matrix.shape.panels();
      for (std::int64_t first = 0; first < end; first += tile_panels_) {
        tiles_.push_back({part, first, std::min(tile_panels_, end - first)});
      }
    }
    const std::int64_t bytes = job_.bands * tile_panels_ * parts.front().matrix.shape.group_bytes();
    const std::int64_t block_bytes = cache_sizes().first_level - kPassingBytes;
    block_groups_ = stream_ ? groups_ : std::clamp<std::int64_t>(block_bytes / bytes, 1, groups_);
  }

  void allocate(Workspace& workspace) {
    const auto floats = [](std::int64_t bytes) { return round_up(ceil_div(bytes, 4), 16); };
    const std::int64_t codes = floats(groups_ * rows_ * group_bytes());
    const std::int64_t scales = floats(groups_ * rows_ * 4);
    const std::int64_t features = round_up(weight_.in_features(), 16);
    per_thread_size_ = std::max(features, round_up(tile_rows_ * tile_cols(), 16));
    float* memory = workspace.floats(
        static_cast<std::size_t>(codes + 2 * scales + features + num_threads() * per_thread_size_));
    const auto take = [&memory](std::int64_t count) {
      float* const array = memory;
      memory += count;
      return array;
    };
    codes_ = reinterpret_cast<std::byte*>(take(codes));
    scales_ = take(scales);
    corrections_ = reinterpret_cast<std::int32_t*>(take(scales));
    norm_scale_ = take(features);
    per_thread_ = memory;
  }

  // Codes lie as [groups][rows][group_size]: those of a block and some rows are dense.
  void quantize_rows() const {
    const std::int64_t features = weight_.in_features();
    const NormRows norm{.kernels = kernels_,
                        .x = job_.x,
                        .norm = job_.norm,
                        .scale = norm_scale_,
                        .input_factors = weight_.input_factors()};
    norm.prepare();
    pool_.run(rows_, [&](std::int64_t row, int thread) {
      const float* const x = norm.row(row, per_thread_ + thread * per_thread_size_);
      packed_.quantize({.x = x,
                        .count = features,
                        .group_size = group_size_,
                        .codes = codes_ + row * group_bytes(),
                        .codes_stride = rows_ * group_bytes(),
                        .scales = scales_ + row,
                        .corrections = corrections_ + row,
                        .group_stride = rows_});
    });
  }

  // Some groups of a tile's panels, of one band.
  struct Block {
    PanelRange panels;
    int band;
    std::int64_t group;
    std::int64_t groups;
  };

  Block block_of(const PanelRange& panels, std::int64_t index) const {
    const std::int64_t group = index / job_.bands * block_groups_;
    return {.panels = panels,
            .band = static_cast<int>(index % job_.bands),
            .group = group,
            .groups = std::min(block_groups_, groups_ - group)};
  }

  void run_tile(std::int64_t row, const PanelRange& panels, const PanelRange& next_panels,
                int thread) const {
    const PackedShape& shape = weight_.parts()[panels.part].matrix.shape;
    const std::int64_t feature = panels.first * kPackedCols;
    LinearTile tile{.row = row,
                    .rows = std::min(tile_rows_, rows_ - row),
                    .col = weight_.parts()[panels.part].first_feature + feature,
                    .cols = std::min(panels.count * kPackedCols, shape.out_features - feature),
                    .sums = per_thread_ + thread * per_thread_size_,
                    .stride = job_.bands * panels.count * kPackedCols,
                    .band_stride = panels.count * kPackedCols};
    if (groups_ == 0) std::fill_n(tile.sums, tile.rows * tile.stride, 0.0F);
    const Finish finish{job_, tile};
    const std::int64_t blocks = ceil_div(groups_, block_groups_) * job_.bands;
    if (blocks == 0) finish.rows(0, tile.rows);
    for (std::int64_t i = 0; i < blocks; ++i) {
      const bool last = i + 1 == blocks;
      multiply(tile, block_of(panels, i), last ? block_of(next_panels, 0) : block_of(panels, i + 1),
               last ? finish.done() : RowsDone());
    }
  }

  // A tile's rows are handed on as soon as they are whole, beside the products of the next ones:
  // where they go is in no cache, and is waited for if all go at once.
  struct Finish {
    const LinearJob& job;
    const LinearTile& tile;

    void rows(std::int64_t row, std::int64_t count) const {
      LinearTile rows = tile;
      rows.row += row;
      rows.rows = count;
      rows.sums += row * tile.stride;
      job.finish(rows);
    }
    RowsDone done() const {
      return {
          .call = [](const void* finish, std::int64_t row,
                     std::int64_t count) { static_cast<const Finish*>(finish)->rows(row, count); },
          .context = this};
    }
  };

  const PackedMatrix& matrix_of(const Block& block) const {
    return weight_.band(block.band, job_.bands)[block.panels.part].matrix;
  }

  // While a block is multiplied, the next one comes from memory.
  void multiply(const LinearTile& tile, const Block& block, const Block& next,
                const RowsDone& done) const {
    const PackedMatrix& matrix = matrix_of(block);
    const std::byte* streams[kMaxTilePanels] = {};
    packed_.dot(
        {.x = codes_ + (block.group * rows_ + tile.row) * group_bytes(),
         .x_group_stride = rows_ * group_bytes(),
         .x_scales = scales_ + block.group * rows_ + tile.row,
         .x_corrections = corrections_ + block.group * rows_ + tile.row,
         .scale_stride = rows_,
         .rows = tile.rows,
         .codes = matrix.codes + block.panels.first * matrix.shape.panel_bytes() +
                  block.group * matrix.shape.group_bytes(),
         .scales = matrix.scales + (block.panels.first * groups_ + block.group) * kPackedCols,
         .codes_panel_stride = matrix.shape.panel_bytes(),
         .scales_panel_stride = groups_ * kPackedCols,
         .panels = block.panels.count,
         .groups = block.groups,
         .group_size = group_size_,
         .sums = tile.sums + block.band * tile.band_stride,
         .sums_stride = tile.stride,
         .accumulate = block.group > 0,
         .fetch_ahead = stream_ ? kFetchAhead : 0,
         .beside = fetch(next, streams),
         .done = done});
  }

  // The codes of `next`.
  LineFetch fetch(const Block& next, const std::byte** streams) const {
    const PackedMatrix& matrix = matrix_of(next);
    for (std::int64_t p = 0; p < next.panels.count; ++p) {
      streams[p] = reinterpret_cast<const std::byte*>(
          matrix.codes + (next.panels.first + p) * matrix.shape.panel_bytes());
    }
    return {.streams = streams,
            .end = streams + next.panels.count,
            .offset = next.group * matrix.shape.group_bytes(),
            .lines = ceil_div(next.groups * matrix.shape.group_bytes(), kCacheLine)};
  }

  const KernelTable& kernels_;
  const PackedKernels& packed_;
  ThreadPool& pool_;
  const LinearJob& job_;
  const HostPackedLinear& weight_;
  const std::int64_t rows_;
  const std::int64_t groups_;
  const std::int64_t group_size_;

  // How the work is cut. Only speed depends on it.
  std::vector<PanelRange> tiles_;
  std::int64_t tile_rows_ = 0;
  std::int64_t tile_panels_ = 0;  // in each band
  std::int64_t block_groups_ = 0;
  bool stream_ = false;

  std::byte* codes_ = nullptr;  // of the activations: [groups][rows][group_size]
  float* scales_ = nullptr;     // [groups][rows]
  std::int32_t* corrections_ = nullptr;
  float* norm_scale_ = nullptr;  // [in]
  float* per_thread_ = nullptr;  // first a normalised row, then sums
  std::int64_t per_thread_size_ = 0;
};

}  // namespace

void run_packed_linear(const LinearContext& context, const LinearJob& job,
                       const HostPackedLinear& weight) {
  PackedLinear(context, job, weight).run();
}

}  // namespace parapet::cpu
