// Weights as matrix tiles want them: pieces of checkpoints, turned into bfloat16 tiles block by
// block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "device/cpu/isa/kernel_table.h"
#include "device/cpu/linear.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet::cpu {

// Neighbouring output columns, and their like in every band.
struct TileColumns {
  std::size_t part;    // of a band, for weights that lie in parts
  std::int64_t first;  // in it
  std::int64_t col;    // of the output
  std::int64_t cols;
};

// A stage is what of some columns' weights is brought into tiles at once, to be used from there by
// all rows.
template <class Tile>
struct TileStage {
  const Tile* tiles;
  std::int64_t num_tiles;
  std::int64_t first_block;
  std::int64_t blocks;
};

// Where the activations of an op lie.
struct TileInputs {
  std::byte* data;
  std::int64_t rows;
  std::int64_t blocks;
};

// How activations lie for matrix tiles, in so many parts.
template <int kNumParts>
class MatrixTileFormat {
 public:
  explicit MatrixTileFormat(const TileKernels& kernels) : kernels_(kernels) {}

  static constexpr std::int64_t kParts = kNumParts;
  static constexpr std::int64_t kTileBytes = cpu::kTileBytes;
  // 64 KiB, of which two tiles at a time stay in a first-level cache of 48 KiB.
  static constexpr std::int64_t kStageTiles = 4;
  static constexpr std::int64_t kStageBlocks = 16;

  static std::int64_t max_stream_rows() { return kMaxStreamRows; }
  // Bytes from one tile of rows to the next.
  static std::int64_t row_tile_stride(std::int64_t blocks) { return blocks * kParts * kTileBytes; }
  static std::int64_t input_bytes(std::int64_t rows, std::int64_t blocks) {
    return ceil_div(rows, kTileSide) * row_tile_stride(blocks);
  }
  void split(const float* x, std::int64_t count, const TileInputs& to, std::int64_t row) const {
    const std::int64_t tile = row / kTileSide;
    kernels_.split(
        {.x = x,
         .count = count,
         .parts = kParts,
         .tile_rows = std::min(kTileSide, to.rows - tile * kTileSide),
         .to = to.data + tile * row_tile_stride(to.blocks) + row % kTileSide * kTileInputs * 2});
  }
  // For a few rows.
  void split_floats(const float* x, std::int64_t count, float* to) const {
    kernels_.split_floats(x, count, kParts, to);
  }
  // The rows from `row` on, a multiple of kTileSide; a block is found by the kernels.
  static const std::byte* inputs_at(const TileInputs& inputs, std::int64_t row, std::int64_t) {
    return inputs.data + row / kTileSide * row_tile_stride(inputs.blocks);
  }

 protected:
  const TileKernels& kernels_;
};

// Dense weights where the checkpoint has them. A format says how they and activations lie in tiles,
// and what multiplies them there.
template <class Format>
class DenseTileWeights : public Format {
 public:
  struct Tile {
    const std::byte* streams[kTileSide];  // the features
  };

  DenseTileWeights(const HostLinear& weight, const Format& format, int bands)
      : Format(format), weight_(weight), band_cols_(weight.out_features() / bands) {}

  static std::span<const float> input_factors() { return {}; }

  std::vector<TileColumns> columns(std::int64_t max_cols) const {
    std::vector<TileColumns> all;
    for (std::int64_t col = 0; col < band_cols_; col += max_cols) {
      all.push_back({0, col, col, std::min(max_cols, band_cols_ - col)});
    }
    return all;
  }

  // Sixteen features from `col` of the columns on. What is past the last one repeats it.
  Tile tile(const TileColumns& columns, int band, std::int64_t col) const {
    Tile tile{};
    for (std::int64_t f = 0; f < kTileSide; ++f) {
      const std::int64_t feature = columns.first + std::min(col + f, columns.cols - 1);
      tile.streams[f] = weight_.run(band * band_cols_ + feature, 1).data;
    }
    return tile;
  }

  void bring(const TileStage<Tile>& stage, std::byte* to) const {
    const std::int64_t first = stage.first_block * kTileInputs;
    const std::int64_t count = std::min(stage.blocks * kTileInputs, weight_.in_features() - first);
    for (std::int64_t t = 0; t < stage.num_tiles; ++t, to += stage.blocks * Format::kTileBytes) {
      Format::gather({.features = stage.tiles[t].streams,
                      .offset = first * element_bytes(),
                      .count = count,
                      .fetch_ahead = 0,
                      .to = to});
    }
  }

  // The products of one stage, while another comes from memory.
  void dot_and_fetch(const TileDotArgs& args, const TileStage<Tile>& next) const {
    static_assert(sizeof(Tile) == sizeof(Tile::streams));      // so all streams lie side by side
    const std::int64_t bytes = kTileInputs * element_bytes();  // of a block
    Format::dot(args, {.streams = next.tiles->streams,
                       .end = next.tiles->streams + next.num_tiles * kTileSide,
                       .offset = next.first_block * bytes,
                       .lines = ceil_div(next.blocks * bytes, kCacheLine)});
  }
  // Likewise, and then it is brought into tiles.
  void dot_and_bring(const TileDotArgs& args, const TileStage<Tile>& next, std::byte* to) const {
    dot_and_fetch(args, next);
    bring(next, to);
  }

  // All inputs of some columns, for a few rows.
  void stream(const TileColumns& columns, int band, TileStreamArgs args) const {
    for (std::int64_t col = 0; col < columns.cols;) {
      const std::int64_t tiles =
          std::min(Format::kStreamTiles, ceil_div(columns.cols - col, kTileSide));
      Tile features[Format::kStreamTiles];
      for (std::int64_t t = 0; t < tiles; ++t) {
        features[t] = tile(columns, band, col + t * kTileSide);
      }
      Format::stream(args,
                     {.features = features->streams,
                      .offset = 0,
                      .count = weight_.in_features(),
                      .fetch_ahead = kStreamAhead,
                      .to = nullptr},
                     tiles);
      col += tiles * kTileSide;
      args.sums += tiles * kTileSide;
    }
  }

 private:
  // In each of many rows side by side, beside what the processor fetches of itself.
  static constexpr std::int64_t kStreamAhead = 256;

  std::int64_t element_bytes() const {
    return static_cast<std::int64_t>(dtype_size(weight_.dtype()));
  }

  const HostLinear& weight_;
  std::int64_t band_cols_;
};

// bfloat16 weights on matrix tiles.
class Bf16TileFormat : public MatrixTileFormat<kMaxTileParts> {
 public:
  using MatrixTileFormat::MatrixTileFormat;

  // Features that are streamed side by side, in tiles.
  static constexpr std::int64_t kStreamTiles = 1;

  void gather(const TileDenseArgs& args) const { kernels_.gather(args); }
  void dot(const TileDotArgs& args, const LineFetch& beside) const { kernels_.dot(args, beside); }
  void stream(const TileStreamArgs& args, const TileDenseArgs& weights, std::int64_t) const {
    kernels_.stream_dense(args, weights);
  }
};

// Weights of any type on vectors.
class FloatTileFormat {
 public:
  FloatTileFormat(const FloatTileKernels& kernels, DType dtype)
      : kernels_(kernels), dtype_(static_cast<int>(dtype)) {}

  static constexpr std::int64_t kParts = 1;
  static constexpr std::int64_t kTileBytes = kFloatTileBytes;
  // 32 KiB, of which two tiles at a time stay in the first-level cache.
  static constexpr std::int64_t kStageTiles = 4;
  static constexpr std::int64_t kStageBlocks = kFloatRunBlocks;
  static constexpr std::int64_t kStreamTiles = 2;

  std::int64_t max_stream_rows() const { return kernels_.max_stream_rows; }
  // A run of all rows, then the next run: what a stage needs lies together.
  static std::int64_t row_tile_stride(std::int64_t) { return kFloatRun * 4; }
  static std::int64_t input_bytes(std::int64_t rows, std::int64_t blocks) {
    return ceil_div(blocks, kFloatRunBlocks) * rows * kFloatRun * 4;
  }
  static void split(const float* x, std::int64_t count, const TileInputs& to, std::int64_t row) {
    float* run = reinterpret_cast<float*>(to.data) + row * kFloatRun;
    for (std::int64_t i = 0; i < count; i += kFloatRun, run += to.rows * kFloatRun) {
      split_floats(x + i, std::min(kFloatRun, count - i), run);
    }
  }
  static void split_floats(const float* x, std::int64_t count, float* to) {
    std::copy_n(x, count, to);
    std::fill(to + count, to + round_up(count, kTileInputs), 0.0F);
  }
  static const std::byte* inputs_at(const TileInputs& inputs, std::int64_t row,
                                    std::int64_t block) {
    return inputs.data + (block / kFloatRunBlocks * inputs.rows + row) * kFloatRun * 4;
  }

  void gather(const TileDenseArgs& args) const { kernels_.gather[dtype_](args); }
  void dot(const TileDotArgs& args, const LineFetch& beside) const { kernels_.dot(args, beside); }
  void stream(const TileStreamArgs& args, const TileDenseArgs& weights, std::int64_t tiles) const {
    kernels_.stream[dtype_](args, weights, tiles);
  }

 private:
  const FloatTileKernels& kernels_;
  int dtype_;
};

// int8 and int4 in groups of at most kMaxBf16Group: a tile is a panel, and a group has its scales.
// The weights are rounded more coarsely than one part of an activation is.
class PackedTileWeights : public MatrixTileFormat<1> {
 public:
  // Over the ends of groups: panels follow each other.
  static constexpr std::int64_t kStreamAhead = 2048;

  using Tile = TilePanel;

  PackedTileWeights(const HostPackedLinear& weight, const TileKernels& kernels, int bands)
      : MatrixTileFormat(kernels), weight_(weight), bands_(bands) {}

  std::span<const float> input_factors() const { return weight_.input_factors(); }

  std::vector<TileColumns> columns(std::int64_t max_cols) const {
    std::vector<TileColumns> all;
    const auto parts = weight_.band(0, bands_);
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::int64_t features = parts[part].matrix.shape.out_features;
      for (std::int64_t first = 0; first < features; first += max_cols) {
        all.push_back(
            {part, first, parts[part].first_feature + first, std::min(max_cols, features - first)});
      }
    }
    return all;
  }

  Tile tile(const TileColumns& columns, int band, std::int64_t col) const {
    const PackedMatrix& matrix = weight_.band(band, bands_)[columns.part].matrix;
    const std::int64_t panel = (columns.first + col) / kPackedCols;
    return {matrix.codes + panel * matrix.shape.panel_bytes(),
            matrix.scales + panel * matrix.shape.groups() * kPackedCols};
  }

  void bring(const TileStage<Tile>& stage, std::byte* to) const {
    const Pieces pieces = pieces_of(stage);
    kernels_.unpack[format()](unpacking(stage, pieces, to));
  }

  // The products of one stage, while another comes from memory.
  void dot_and_fetch(const TileDotArgs& args, const TileStage<Tile>& next) const {
    const Pieces pieces = pieces_of(next);
    const std::byte* streams[kStageTiles];
    for (std::int64_t t = 0; t < next.num_tiles; ++t) {
      streams[t] = reinterpret_cast<const std::byte*>(pieces.panels[t].codes);
    }
    kernels_.dot(args, {.streams = streams,
                        .end = streams + next.num_tiles,
                        .offset = 0,
                        .lines = ceil_div(next.blocks * block_bytes(), kCacheLine)});
  }
  // Likewise, and beside the products it is brought into tiles.
  void dot_and_bring(const TileDotArgs& args, const TileStage<Tile>& next, std::byte* to) const {
    const Pieces pieces = pieces_of(next);
    kernels_.dot_unpacking[format()](args, unpacking(next, pieces, to));
  }

  void stream(const TileColumns& columns, int band, const TileStreamArgs& args) const {
    const Tile first = tile(columns, band, 0);
    const PackedMatrix& matrix = weight_.band(band, bands_)[columns.part].matrix;
    kernels_.stream_packed[format()](args, {.first = first,
                                            .panels = ceil_div(columns.cols, kPackedCols),
                                            .codes_stride = matrix.shape.panel_bytes(),
                                            .scales_stride = matrix.shape.groups() * kPackedCols,
                                            .blocks = ceil_div(weight_.in_features(), kTileInputs),
                                            .group_blocks = group_blocks(),
                                            .fetch_ahead = kStreamAhead});
  }

 private:
  // Within a panel, and what is past its end is likely the next one.
  static constexpr std::int64_t kUnpackAhead = 512;

  static_assert(kStageBlocks * kTileInputs % kMaxBf16Group == 0, "stages begin with a group");

  int format() const { return static_cast<int>(weight_.format()); }
  std::int64_t group_blocks() const { return weight_.group_size() / kTileInputs; }
  std::int64_t block_bytes() const {
    return kTileInputs * kPackedCols * weight_bits(weight_.format()) / 8;
  }

  // A stage's part of each panel.
  struct Pieces {
    TilePanel panels[kStageTiles];
  };
  Pieces pieces_of(const TileStage<Tile>& stage) const {
    Pieces pieces;
    for (std::int64_t t = 0; t < stage.num_tiles; ++t) {
      pieces.panels[t] = {stage.tiles[t].codes + stage.first_block * block_bytes(),
                          stage.tiles[t].scales + stage.first_block / group_blocks() * kPackedCols};
    }
    return pieces;
  }
  TileUnpackArgs unpacking(const TileStage<Tile>& stage, const Pieces& pieces,
                           std::byte* to) const {
    return {.panels = pieces.panels,
            .end = pieces.panels + stage.num_tiles,
            .blocks = stage.blocks,
            .group_blocks = group_blocks(),
            .fetch_ahead = kUnpackAhead,
            .to = to};
  }

  const HostPackedLinear& weight_;
  int bands_;
};

}  // namespace parapet::cpu
