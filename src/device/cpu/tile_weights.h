// Weights as matrix tiles want them: pieces of checkpoints, turned into bfloat16 tiles block by
// block.
#pragma once

#include <algorithm>
#include <cstdint>
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

// bfloat16, where the checkpoint has it.
class DenseTileWeights {
 public:
  // The whole float: a product loses nothing.
  static constexpr std::int64_t kParts = kMaxTileParts;
  static constexpr std::int64_t kStreams = kTileSide;
  // In each of sixteen rows side by side, beside what the processor fetches of itself.
  static constexpr std::int64_t kStreamAhead = 256;

  struct Tile {
    const std::byte* streams[kStreams];  // the features
  };

  DenseTileWeights(const HostLinear& weight, const TileKernels& kernels, int bands)
      : weight_(weight), kernels_(kernels), band_cols_(weight.out_features() / bands) {}

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
    for (std::int64_t f = 0; f < kStreams; ++f) {
      const std::int64_t feature = columns.first + std::min(col + f, columns.cols - 1);
      tile.streams[f] = weight_.run(band * band_cols_ + feature, 1).data;
    }
    return tile;
  }

  // Where a stream's elements from block `first` on begin, and how many bytes so many blocks are.
  static std::int64_t stream_offset(std::int64_t block) { return block * kTileInputs * 2; }

  void stage(const Tile& tile, std::int64_t first, std::int64_t blocks, std::int64_t fetch_ahead,
             std::byte* to) const {
    const std::int64_t count =
        std::min(blocks * kTileInputs, weight_.in_features() - first * kTileInputs);
    kernels_.gather({.features = tile.streams,
                     .offset = stream_offset(first),
                     .count = count,
                     .fetch_ahead = fetch_ahead,
                     .to = to});
  }

  // All inputs of some columns, for a few rows.
  void stream(const TileColumns& columns, int band, TileStreamArgs args) const {
    for (std::int64_t col = 0; col < columns.cols; col += kTileSide, args.sums += kTileSide) {
      const Tile features = tile(columns, band, col);
      kernels_.stream_dense(args, {.features = features.streams,
                                   .offset = 0,
                                   .count = weight_.in_features(),
                                   .fetch_ahead = kStreamAhead,
                                   .to = nullptr});
    }
  }

 private:
  const HostLinear& weight_;
  const TileKernels& kernels_;
  std::int64_t band_cols_;
};

// int8 and int4 in groups of kTileInputs: a tile is a panel, and a block has its scales.
class PackedTileWeights {
 public:
  // The weights are rounded more coarsely than one part of an activation is.
  static constexpr std::int64_t kParts = 1;
  static constexpr std::int64_t kStreams = 1;
  // Over the ends of groups: panels follow each other.
  static constexpr std::int64_t kStreamAhead = 1024;

  struct Tile {
    const std::byte* streams[kStreams];  // the codes
    const std::uint16_t* scales;
  };

  PackedTileWeights(const HostPackedLinear& weight, const TileKernels& kernels, int bands)
      : weight_(weight), kernels_(kernels), bands_(bands) {}

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
    return {{reinterpret_cast<const std::byte*>(matrix.codes) + panel * matrix.shape.panel_bytes()},
            matrix.scales + panel * matrix.shape.groups() * kPackedCols};
  }

  std::int64_t stream_offset(std::int64_t block) const {
    return block * kTileInputs * kPackedCols * weight_bits(weight_.format()) / 8;
  }

  void stage(const Tile& tile, std::int64_t first, std::int64_t blocks, std::int64_t fetch_ahead,
             std::byte* to) const {
    kernels_.unpack[static_cast<int>(weight_.format())](
        {.codes = reinterpret_cast<const std::uint8_t*>(tile.streams[0]) + stream_offset(first),
         .scales = tile.scales + first * kPackedCols,
         .panels = 1,
         .codes_stride = 0,
         .scales_stride = 0,
         .blocks = blocks,
         .fetch_ahead = fetch_ahead,
         .to = to});
  }

  void stream(const TileColumns& columns, int band, const TileStreamArgs& args) const {
    const Tile first = tile(columns, band, 0);
    const PackedMatrix& matrix = weight_.band(band, bands_)[columns.part].matrix;
    kernels_.stream_packed[static_cast<int>(weight_.format())](
        args, {.codes = reinterpret_cast<const std::uint8_t*>(first.streams[0]),
               .scales = first.scales,
               .panels = ceil_div(columns.cols, kPackedCols),
               .codes_stride = matrix.shape.panel_bytes(),
               .scales_stride = matrix.shape.groups() * kPackedCols,
               .blocks = ceil_div(weight_.in_features(), kTileInputs),
               .fetch_ahead = kStreamAhead,
               .to = nullptr});
  }

 private:
  const HostPackedLinear& weight_;
  const TileKernels& kernels_;
  int bands_;
};

}  // namespace parapet::cpu
