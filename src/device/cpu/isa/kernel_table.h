// What each instruction set implements. One table is chosen when a device is made.
//
// Files in this folder are compiled for instructions that the running CPU may lack, so nothing of
// them may be linked into other code: no inline function of the standard library, no template with
// external linkage. tools/check_symbols.py watches over it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace parapet::cpu {

// Keys lie in panels [head_dim, kPanelKeys]: scores of neighbouring keys are neighbouring lanes.
inline constexpr int kPanelKeys = 16;
// The online softmax takes this many keys at a time, counted from position 0 of the sequence.
inline constexpr int kChunkPanels = 4;
inline constexpr int kChunkKeys = kChunkPanels * kPanelKeys;
// Every so many keys, counted likewise, a softmax of its own begins; a row's splits are merged in
// order. So splits of one row may be computed at the same time.
inline constexpr int kSplitKeys = 1024;

// Quantized weights lie in panels of this many features (base/packed_weight.h has the layout).
inline constexpr int kPackedCols = 16;
inline constexpr int kMaxGroupSize = 128;

// One row of activations to be quantized, each group for itself, as ops.h says. A group takes
// group_size * value_bytes bytes of codes, in the order that `dot` wants them.
struct QuantizeArgs {
  const float* x;
  std::int64_t count;  // of x; what the last group lacks counts as zeros
  std::int64_t group_size;
  std::byte* codes;
  std::int64_t codes_stride;  // bytes from group to group
  float* scales;              // one a group, group_stride apart
  std::int32_t* corrections;  // one a group: -zero * the sum of its codes
  std::int64_t group_stride;
};

// Cache lines to be fetched while something else is computed: `lines` of each stream, stream by
// stream.
inline constexpr std::int64_t kCacheLine = 64;
struct LineFetch {
  const std::byte* const* streams = nullptr;
  const std::byte* const* end = nullptr;
  std::int64_t offset = 0;  // of the first line in each
  std::int64_t lines = 0;
};

// Called with rows as soon as their sums are there, in order.
struct RowsDone {
  void (*call)(const void* context, std::int64_t row, std::int64_t rows) = nullptr;
  const void* context = nullptr;
  void rows(std::int64_t row, std::int64_t count) const {
    if (call != nullptr) call(context, row, count);
  }
};

// sums[r][16 p + c] = what ops.h says of row r and feature c of panel p, or += where `accumulate`.
struct PackedDotArgs {
  const std::byte* x;           // codes of the rows' activations: [rows, group_size * value_bytes]
  std::int64_t x_group_stride;  // bytes
  const float* x_scales;        // [groups, rows], groups scale_stride apart
  const std::int32_t* x_corrections;
  std::int64_t scale_stride;
  std::int64_t rows;
  const std::uint8_t* codes;         // of the first group of the first panel
  const std::uint16_t* scales;       // bf16 bits
  std::int64_t codes_panel_stride;   // bytes
  std::int64_t scales_panel_stride;  // elements
  std::int64_t panels;
  std::int64_t groups;
  std::int64_t group_size;
  float* sums;
  std::int64_t sums_stride;
  bool accumulate;  // add to what `sums` holds, the sums of smaller groups
  // Codes of a panel are fetched so many bytes before they are used; 0: they are in a cache, and
  // others are fetched beside.
  std::int64_t fetch_ahead;
  LineFetch beside;
  RowsDone done;
};

struct PackedKernels {
  std::int64_t tile_rows;    // that `dot` multiplies with one read of the weights
  std::int64_t value_bytes;  // of a quantized activation
  void (*quantize)(const QuantizeArgs& args);
  void (*dot)(const PackedDotArgs& args);
};

// Products of bfloat16 on matrix tiles, summed in fp32. Sixteen rows of activations meet sixteen
// features, 32 inputs at a time, a block. An activation is a sum of up to three bfloat16 numbers,
// its parts, of 8 bits each: three are the whole float.
inline constexpr std::int64_t kTileSide = 16;
inline constexpr std::int64_t kTileInputs = 32;
inline constexpr int kMaxTileParts = 3;
// Quantized weights in larger groups are multiplied as integers, in smaller ones on tiles of
// bfloat16: a scale for each 32 or 64 products would cost more than the products.
inline constexpr std::int64_t kMaxBf16Group = 2 * kTileInputs;
inline constexpr std::int64_t kTileBytes = kTileSide * kTileInputs * 2;

// One row of activations into its tile of `tile_rows` rows, which lies as
// [blocks][parts][tile_rows][kTileInputs]. What the last block lacks becomes zeros. With one part
// infinities become NaN.
struct TileSplitArgs {
  const float* x;
  std::int64_t count;
  std::int64_t parts;
  std::int64_t tile_rows;
  std::byte* to;  // the row's elements of the first block
};

// Features of a weight into a tile, padded with zeros: [blocks][kTileInputs / 2][kTileSide][2] of
// bfloat16, or [blocks][kTileInputs][kTileSide] of floats.
struct TileDenseArgs {
  const std::byte* const* features;  // [kTileSide]  at any alignment
  std::int64_t offset;               // bytes before the first element that is wanted
  std::int64_t count;                // elements of each feature
  std::int64_t fetch_ahead;          // bytes that a stream fetches elements before they are used
  std::byte* to;
};
// Quantized weights in groups of one or two blocks: a tile is a panel.
struct TilePanel {
  const std::uint8_t* codes;
  const std::uint16_t* scales;  // bf16 bits
};
// Some blocks of each panel, from the beginning of a group on, which becomes a tile: scale * (code
// - zero), rounded to bfloat16.
struct TileUnpackArgs {
  const TilePanel* panels;  // from the first of the blocks on
  const TilePanel* end;
  std::int64_t blocks;
  std::int64_t group_blocks;
  std::int64_t fetch_ahead;  // codes are fetched so many bytes before they are used
  std::byte* to;             // tile by tile
};

// sums[r][16 w + f] = the dot product of row r with feature f of weight tile w over all blocks, or
// += where `accumulate`. The order of its terms depends on nothing but k.
struct TileDotArgs {
  // Tiles of kTileSide rows, of which the last may have fewer; of floats, single rows, from
  // first_block on.
  const std::byte* x;
  std::int64_t x_tile_stride;  // bytes
  std::int64_t parts;          // 1 or kMaxTileParts
  std::int64_t rows;
  const std::byte* weights;
  std::int64_t weight_tile_stride;  // bytes
  std::int64_t weight_tiles;        // even
  std::int64_t first_block;         // of x; `weights` begins with it
  std::int64_t blocks;
  float* sums;
  std::int64_t sums_stride;
  bool accumulate;
};

// The same sums for a few rows, without tiles: weights are read once, in order, at the speed of
// memory.
inline constexpr int kMaxStreamRows = 2;
// sums[r][f] for all inputs. x are the parts of rows as floats, [rows][blocks][parts][kTileInputs].
struct TileStreamArgs {
  const float* x;
  std::int64_t x_row_stride;  // floats
  std::int64_t rows;          // at most kMaxStreamRows, of floats max_stream_rows
  float* sums;
  std::int64_t sums_stride;
};
// Panels side by side, a stride from one to the next.
struct TilePackedArgs {
  TilePanel first;
  std::int64_t panels;
  std::int64_t codes_stride;   // bytes
  std::int64_t scales_stride;  // elements
  std::int64_t blocks;
  std::int64_t group_blocks;
  std::int64_t fetch_ahead;  // codes are fetched so many bytes before they are used
};

struct TileKernels {
  void (*split)(const TileSplitArgs& args);
  // As `split`, of one row, as floats: [blocks][parts][kTileInputs].
  void (*split_floats)(const float* x, std::int64_t count, std::int64_t parts, float* to);
  void (*gather)(const TileDenseArgs& args);
  void (*unpack[2])(const TileUnpackArgs& args);  // by WeightFormat: int8, int4
  // The products, and beside them lines are fetched. The units that multiply tiles leave others
  // free for it.
  void (*dot)(const TileDotArgs& args, const LineFetch& beside);
  // Likewise, and beside them other tiles are unpacked.
  void (*dot_unpacking[2])(const TileDotArgs& args, const TileUnpackArgs& beside);
  // Of 16 features with all parts; of panels with one part, panels a stride of bytes apart.
  void (*stream_dense)(const TileStreamArgs& args, const TileDenseArgs& weights);
  void (*stream_packed[2])(const TileStreamArgs& args, const TilePackedArgs& weights);
};

// Tiles of floats, for vectors of features: a multiply-add for one row and a vector. A sum has a
// part for every kFloatRunBlocks blocks, in which inputs are added in order; the parts are added in
// order. So a result does not depend on how rows and features are grouped.
inline constexpr std::int64_t kFloatRunBlocks = 4;
inline constexpr std::int64_t kFloatRun = kFloatRunBlocks * kTileInputs;
inline constexpr std::int64_t kFloatTileBytes = kTileSide * kTileInputs * 4;

// What is indexed is so by DType, the weight's: float32, bfloat16, float16.
struct FloatTileKernels {
  std::int64_t max_stream_rows;
  void (*gather[3])(const TileDenseArgs& args);
  // Of one run.
  void (*dot)(const TileDotArgs& args, const LineFetch& beside);
  // Of one or two times kTileSide features. x are rows of floats.
  void (*stream[3])(const TileStreamArgs& args, const TileDenseArgs& weights, std::int64_t tiles);
};

// What a KV cache holds.
enum class KvType : std::uint8_t { kF32, kBf16, kI8 };

// Neighbouring keys and values of one KV head.
struct KvPanel {
  const void* keys;           // [head_dim, kPanelKeys]
  const void* values;         // [kPanelKeys, head_dim]
  const float* key_scales;    // [kPanelKeys]  int8 only
  const float* value_scales;  // [kPanelKeys]  int8 only
};

// One chunk of keys and values for a tile of query rows, which share a KV head.
struct AttentionChunk {
  int rows;
  int head_dim;
  const float* queries;  // [rows, head_dim]  times what makes of scores the logarithms to base 2
  KvType type;
  KvPanel panels[kChunkPanels];
  const std::byte* next_keys[kChunkPanels];  // what is likely read next
  int begin;                                 // position of the first key
  const int* seen;                           // [rows]  keys that the row sees, from position 0 on
  float* weights;                            // [rows, kChunkKeys]  scratch, as the next two
  float* factors;                            // [rows]
  float* added;                              // [rows]
  // The running state of the online softmax (Milakov and Gimelshein 2018), to base 2.
  float* max;  // [rows]
  float* sum;  // [rows]
  float* out;  // [rows, head_dim]
};

// A chunk on matrix tiles, for keys and values of bfloat16 and heads of a multiple of kTileInputs
// elements. Queries and weights are sums of kMaxTileParts parts, so products are exact. Whatever
// the number of rows, a chunk's order of sums is the same.
inline constexpr int kTiledRows = 2 * kTileSide;  // that are computed before the next ones are
struct AttentionTiles {
  int keys;                                 // that are defined, from the chunk's first on
  const std::byte* next[2 * kChunkPanels];  // keys and values that are likely read next
  std::byte* queries;      // [rows, head_dim, kMaxTileParts] of bfloat16, in tiles, from `split`
  std::byte* key_tiles;    // [kChunkKeys, head_dim] of bfloat16, scratch, as the next ones
  std::byte* value_tiles;  // likewise
  std::byte* weights;      // [kTiledRows, kChunkKeys, kMaxTileParts] of bfloat16
};

struct TileAttention {
  void (*split)(const float* queries, int rows, int head_dim, std::byte* to);
  void (*attend)(const AttentionChunk& chunk, const AttentionTiles& tiles);
};

struct KernelTable {
  const char* isa;

  // to[i] = from[i]: exact. `from` may have any alignment. Indexed by DType: float32, bfloat16,
  // float16.
  void (*widen[3])(const std::byte* from, std::int64_t count, float* to);

  // Indexed by WeightFormat: int8, int4.
  PackedKernels packed[2];

  // Null where the processor has no matrix tiles. Where it has, bfloat16 weights are multiplied on
  // them, and quantized ones in groups of at most kMaxBf16Group.
  const TileKernels* tiles;
  FloatTileKernels float_tiles;

  // 1 / sqrt(mean(x^2) + eps)
  float (*inverse_rms)(const float* x, std::int64_t count, float eps);
  // out[i] = x[i] * factor * scale[i]
  void (*scale)(const float* x, float factor, const float* scale, std::int64_t count, float* out);
  // out[i] = silu(gate[i]) * up[i]. `out` may be `gate` or `up`.
  void (*silu_mul)(const float* gate, const float* up, std::int64_t count, float* out);
  // out[i] = exp(x[i]), within 2 units in the last place; 0 below -104, infinity above 88.73.
  void (*exp)(const float* x, std::int64_t count, float* out);
  // Pairs (i, i + half) of one head turned by the angles; cos_sin [2, half].
  void (*rotate)(const float* x, const float* cos_sin, std::int64_t half, float* out);

  // to[i] = from[i] * scales[i % kPanelKeys]. `from` may have any alignment.
  void (*dequantize)(const std::int8_t* from, const float* scales, std::int64_t count, float* to);
  void (*attend)(const AttentionChunk& chunk);
  // Null where the processor has no matrix tiles.
  const TileAttention* tile_attention;

  // The smallest index of the maximum; -1 where there is a NaN. count > 0.
  std::int64_t (*argmax)(const float* x, std::int64_t count);
  // sum(exp(x[i] - max))
  double (*sum_exp)(const float* x, std::int64_t count, float max);
};

extern const KernelTable kKernelsPortable;
extern const KernelTable kKernelsAvx2;
extern const KernelTable kKernelsAvx512;
extern const KernelTable kKernelsAvx512Vnni;
extern const KernelTable kKernelsAmx;
extern const KernelTable kKernelsNeon;
extern const KernelTable kKernelsNeonDotprod;

}  // namespace parapet::cpu
