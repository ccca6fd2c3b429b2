// Products of bfloat16 on AMX, as kernel_table.h lays them out.
//
// TDPBF16PS adds the even and the odd inputs of a block each in order, then both to the sum, in
// fp32 with subnormal numbers as zero (Intel's manual, volume 2). So a sum has one order, whatever
// rows and features stand beside it.

constexpr std::int64_t kTileRowBytes = 64;

// What LDTILECFG reads (Intel's manual, volume 1, chapter 18).
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// The tiles are numbered in the instructions: 0 to 3 are sums of (row tile 0, weight tile 0), (0,
// 1), (1, 0), (1, 1); 4 and 5 activations of row tiles with so many rows; 6 and 7 weights.
inline void configure_tiles(std::int64_t rows0, std::int64_t rows1) {
  TileConfig config;
  const std::int64_t rows[8] = {rows0, rows0, rows1, rows1, rows0, rows1, kTileSide, kTileSide};
  for (int t = 0; t < 8; ++t) {
    config.row_bytes[t] = 64;
    config.rows[t] = static_cast<std::uint8_t>(rows[t]);
  }
  // The intrinsic names eight of the 64 bytes to the compiler, which may leave out the others.
  asm volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
}

// What the inner loops take from TileDotArgs: two weight tiles, and one or two row tiles.
struct TileStep {
  std::int64_t blocks;
  std::int64_t sums_bytes;  // from row to row
  bool accumulate;
  const std::byte* x[2] = {};
  const std::byte* w[2] = {};
  std::int64_t last_rows = 0;  // of the second row tile, or of the only one
  float* sums = nullptr;
};

template <bool kPair>
inline void begin_sums(const float* sums, std::int64_t bytes, bool accumulate) {
  const float* const below = sums + kTileSide * bytes / 4;
  if (accumulate) {
    _tile_loadd(0, sums, bytes);
    _tile_loadd(1, sums + kTileSide, bytes);
    if constexpr (kPair) {
      _tile_loadd(2, below, bytes);
      _tile_loadd(3, below + kTileSide, bytes);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (kPair) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
}

template <bool kPair>
inline void end_sums(float* sums, std::int64_t bytes) {
  float* const below = sums + kTileSide * bytes / 4;
  _tile_stored(0, sums, bytes);
  _tile_stored(1, sums + kTileSide, bytes);
  if constexpr (kPair) {
    _tile_stored(2, below, bytes);
    _tile_stored(3, below + kTileSide, bytes);
  }
}

// kPair: of two row tiles. Activations pass by once, and are kept out of the cache that the weights
// shall stay in.
template <int kParts, bool kPair, class Beside>
inline void tile_dot_step(const TileStep& step, Beside& beside) {
  begin_sums<kPair>(step.sums, step.sums_bytes, step.accumulate);
  const std::int64_t last_bytes = step.last_rows * kTileRowBytes;
  const std::byte* x0 = step.x[0];
  const std::byte* x1 = step.x[1];
  const std::byte* w0 = step.w[0];
  const std::byte* w1 = step.w[1];
  for (std::int64_t left = step.blocks; left > 0; --left) {
    _tile_loadd(6, w0, kTileRowBytes);
    w0 += kTileBytes;
#pragma GCC unroll 3
    for (int part = 0; part < kParts; ++part) {
      _tile_stream_loadd(4, x0, kTileRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      x0 += kPair ? kTileBytes : last_bytes;
      if (part == 0) {
        _tile_loadd(7, w1, kTileRowBytes);
        w1 += kTileBytes;
      }
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (kPair) {
        _tile_stream_loadd(5, x1, kTileRowBytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        x1 += last_bytes;
      }
    }
    beside.step();
  }
  end_sums<kPair>(step.sums, step.sums_bytes);
}

template <int kParts, class Beside>
inline void tile_dot_beside(const TileDotArgs& args, Beside beside) {
  const std::int64_t row_tiles = (args.rows + kTileSide - 1) / kTileSide;
  const std::int64_t last_rows = args.rows - (row_tiles - 1) * kTileSide;
  const auto rows_of = [&](std::int64_t tile) {
    return tile + 1 < row_tiles ? kTileSide : last_rows;
  };
  const auto x_at = [&](std::int64_t tile) {
    return args.x + tile * args.x_tile_stride +
           args.first_block * kParts * rows_of(tile) * kTileRowBytes;
  };
  std::int64_t configured = -1;
  TileStep step{
      .blocks = args.blocks, .sums_bytes = args.sums_stride * 4, .accumulate = args.accumulate};
  for (std::int64_t w = 0; w < args.weight_tiles; w += 2) {
    step.w[0] = args.weights + w * args.weight_tile_stride;
    step.w[1] = step.w[0] + args.weight_tile_stride;
    for (std::int64_t tile = 0; tile < row_tiles; tile += 2) {
      const bool pair = tile + 1 < row_tiles;
      step.last_rows = rows_of(pair ? tile + 1 : tile);
      const std::int64_t rows0 = pair ? kTileSide : step.last_rows;
      if (configured != rows0 * 32 + step.last_rows) {
        configure_tiles(rows0, step.last_rows);
        configured = rows0 * 32 + step.last_rows;
      }
      step.x[0] = x_at(tile);
      step.x[1] = pair ? x_at(tile + 1) : nullptr;
      step.sums = args.sums + tile * kTileSide * args.sums_stride + w * kTileSide;
      if (pair) {
        tile_dot_step<kParts, true>(step, beside);
      } else {
        tile_dot_step<kParts, false>(step, beside);
      }
    }
  }
  _tile_release();
  beside.finish();
}

void tile_dot(const TileDotArgs& args, const LineFetch& beside) {
  static_assert(kMaxTileParts == 3);
  const std::int64_t row_pairs = (args.rows + 2 * kTileSide - 1) / (2 * kTileSide);
  const FetchLines fetch(beside, args.blocks * args.weight_tiles / 2 * row_pairs);
  if (args.parts == 1) return tile_dot_beside<1>(args, fetch);
  tile_dot_beside<kMaxTileParts>(args, fetch);
}

inline __m512i bits_of(Vec v) { return _mm512_castps_si512(v); }
inline __m512i splat_bits(std::uint32_t bits) {
  return _mm512_set1_epi32(static_cast<std::int32_t>(bits));
}

// The nearest bfloat16 to each float, ties to even, in the upper half of its lane; below it are
// remains. Not for NaN.
inline __m512i round_bf16(Vec v) {
  const __m512i bits = bits_of(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), splat_bits(1));
  return _mm512_add_epi32(bits, _mm512_add_epi32(odd, splat_bits(0x7fff)));
}

// The upper halves of 32 lanes, in order.
inline void store_upper_halves(__m512i low, __m512i high, std::byte* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(low, 16)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32),
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(high, 16)));
}

// What the upper half of each lane stands for.
inline Vec upper_half(__m512i bits) {
  return _mm512_castsi512_ps(_mm512_and_si512(bits, splat_bits(0xffff0000U)));
}

// The largest part of each float. Of the largest floats it is cut off rather than rounded to
// infinity, and NaN and infinity become NaN.
inline Vec first_part(Vec v) {
  constexpr float kLargest = 0x1.fep127F;
  const Vec clamped = min(max(v, splat(-kLargest)), splat(kLargest));
  // NOLINTNEXTLINE(misc-redundant-expression)
  return upper_half(round_bf16(clamped)) + (v - v);  // 0, or NaN of NaN and of infinity
}

// The parts of a block's inputs, of which `left` are given and the others zero. What the parts so
// far leave over is exact.
struct BlockParts {
  Vec parts[kMaxTileParts][2];
};
inline BlockParts block_parts(const float* x, std::int64_t left) {
  BlockParts block;
  for (int half = 0; half < 2; ++half) {
    const std::int64_t count = left - half * kLanes;
    const float* const from = x + half * kLanes;
    const Vec v = count >= kLanes ? load(from)
                  : count > 0     ? load_first(from, static_cast<int>(count))
                                  : splat(0.0F);
    block.parts[0][half] = first_part(v);
    const Vec rest = v - block.parts[0][half];
    block.parts[1][half] = upper_half(round_bf16(rest));
    block.parts[2][half] = rest - block.parts[1][half];
  }
  return block;
}

void tile_split(const TileSplitArgs& args) {
  std::byte* to = args.to;
  for (std::int64_t i = 0; i < args.count; i += kTileInputs) {
    const BlockParts block = block_parts(args.x + i, args.count - i);
    for (std::int64_t part = 0; part < args.parts; ++part) {
      store_upper_halves(bits_of(block.parts[part][0]), bits_of(block.parts[part][1]), to);
      to += args.tile_rows * kTileRowBytes;
    }
  }
}

void tile_split_floats(const float* x, std::int64_t count, std::int64_t num_parts, float* to) {
  for (std::int64_t i = 0; i < count; i += kTileInputs) {
    const BlockParts block = block_parts(x + i, count - i);
    for (std::int64_t part = 0; part < num_parts; ++part, to += kTileInputs) {
      store(to, block.parts[part][0]);
      store(to + kLanes, block.parts[part][1]);
    }
  }
}

// The inputs of a block.
inline void load_pairs(const TileDenseArgs& args, std::int64_t i, Column (&pairs)[kTileSide]) {
#pragma GCC unroll 4
  for (int p = 0; p < kTileSide; p += kColumns) {
    Column columns[kColumns];
    load_columns<Bf16>(args, 0, i + p / kColumns * kColumnInputs<Bf16>, columns);
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c) pairs[p + c] = columns[c];
  }
}

void tile_gather(const TileDenseArgs& args) {
  std::byte* to = args.to;
  for (std::int64_t i = 0; i < args.count; i += kTileInputs, to += kTileBytes) {
    Column pairs[kTileSide];
    load_pairs(args, i, pairs);
#pragma GCC unroll 16
    for (int p = 0; p < kTileSide; ++p) _mm512_storeu_si512(to + p * kTileRowBytes, pairs[p]);
  }
}

// Byte i of each lane holds a code of kBits bits, from its bit kAt on. The code comes to bit 8 +
// kAt and becomes the fraction of a float: 2^(15 - kAt) + code.
template <int kBits, int kAt>
inline Vec code_fraction(__m512i lanes, int i) {
  constexpr std::uint32_t kPower = (127U + 15U - kAt) << 23U;
  if constexpr (kBits == 8) {  // whole bytes: one instruction
    constexpr std::uint64_t kSecondBytes = 0x2222222222222222U;
    const __m128i from = _mm_setr_epi8(0, 0, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 12, 0, 0);
    const __m512i index =
        _mm512_add_epi8(_mm512_broadcast_i32x4(from), _mm512_set1_epi8(static_cast<char>(i)));
    return _mm512_castsi512_ps(
        _mm512_mask_shuffle_epi8(splat_bits(kPower), kSecondBytes, lanes, index));
  } else {
    constexpr std::uint32_t kMask = ((1U << kBits) - 1U) << (8 + kAt);
    constexpr int kSelectThenOr = 0xea;  // (a & b) | c
    const __m512i shifted[4] = {_mm512_slli_epi32(lanes, 8), lanes, _mm512_srli_epi32(lanes, 8),
                                _mm512_srli_epi32(lanes, 16)};
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(shifted[i], splat_bits(kMask),
                                                         splat_bits(kPower), kSelectThenOr));
  }
}

// The codes of each lane's four bytes as scale * (code - zero); in the upper halves the nearest
// bfloat16, ties away from zero. Before that it is exact: a scale has no more than 8 bits.
template <int kBits, int kAt>
inline void scaled_inputs(__m512i lanes, Vec scale, int zero, __m512i (&inputs)[4]) {
  const float offset = static_cast<float>((1 << (15 - kAt)) + zero);
  const Vec minus_offset = splat(-offset) * scale;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vec value = fma(code_fraction<kBits, kAt>(lanes, i), scale, minus_offset);
    inputs[i] = _mm512_add_epi32(bits_of(value), splat_bits(0x8000));
  }
}

inline __m512i pair_of(__m512i even, __m512i odd) {
  return _mm512_mask_blend_epi16(0xaaaaaaaaU, _mm512_srli_epi32(even, 16), odd);
}

template <int kBits, int kAt>
inline void store_scaled(__m512i lanes, Vec scale, int zero, std::byte* to) {
  __m512i inputs[4];
  scaled_inputs<kBits, kAt>(lanes, scale, zero, inputs);
  _mm512_storeu_si512(to, pair_of(inputs[0], inputs[1]));
  _mm512_storeu_si512(to + kTileRowBytes, pair_of(inputs[2], inputs[3]));
}

template <class Panel>
constexpr int kCodeBits = 8 * 4 / Panel::kInputs;

// Half a block with each step, sixteen inputs: as much as fits beside its products for some rows.
template <class Panel>
class UnpackTiles {
 public:
  explicit UnpackTiles(const TileUnpackArgs& args) : args_(args) { next_panel(); }
  void step() {
    if (halves_ != 0) unpack_half();
  }
  void finish() {
    while (halves_ != 0) unpack_half();
  }

 private:
  void next_panel() {
    if (args_.panels == args_.end) return;
    codes_ = args_.panels->codes;
    scales_ = args_.panels->scales;
    halves_ = 2 * args_.blocks;
    scale_halves_ = 2 * args_.group_blocks;
    ++args_.panels;
  }

  void unpack_half() {
    const Vec scale = load_bf16(scales_);
#pragma GCC unroll 4
    for (int i = 0; i < kTileInputs / 2; i += Panel::kInputs, codes_ += kStepBytes) {
      const __m512i lanes = load_512(codes_);
      _mm_prefetch(codes_ + args_.fetch_ahead, _MM_HINT_T0);  // past the end it is harmless
      store_scaled<kCodeBits<Panel>, 0>(lanes, scale, Panel::kZero, args_.to);
      args_.to += 2 * kTileRowBytes;
      if constexpr (kCodeBits<Panel> == 4) {
        store_scaled<kCodeBits<Panel>, 4>(lanes, scale, Panel::kZero, args_.to);
        args_.to += 2 * kTileRowBytes;
      }
    }
    if (--scale_halves_ == 0) {
      scale_halves_ = 2 * args_.group_blocks;
      scales_ += kPackedCols;
    }
    if (--halves_ == 0) next_panel();
  }

  TileUnpackArgs args_;
  const std::uint8_t* codes_ = nullptr;
  const std::uint16_t* scales_ = nullptr;
  std::int64_t halves_ = 0;        // of blocks, left of the panel
  std::int64_t scale_halves_ = 0;  // left of the group
};

template <class Panel>
void tile_unpack(const TileUnpackArgs& args) {
  UnpackTiles<Panel>(args).finish();
}

template <class Panel>
void tile_dot_unpacking(const TileDotArgs& args, const TileUnpackArgs& beside) {
  tile_dot_beside<1>(args, UnpackTiles<Panel>(beside));
}

// Subnormal numbers as zero, as TDPBF16PS has them; the state before, to be set again.
inline unsigned flush_subnormals() {
  constexpr unsigned kFlushToZeroAndSubnormalsAreZero = 0x8040U;
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kFlushToZeroAndSubnormalsAreZero);
  return before;
}

// kRows rows and 16 features in the order of TDPBF16PS.
template <int kRows>
inline void stream_dense_rows(const TileStreamArgs& args, std::int64_t row,
                              const TileDenseArgs& weights) {
  Vec sums[kRows];
  for (Vec& sum : sums) sum = splat(0.0F);
  const float* x = args.x + row * args.x_row_stride;
  for (std::int64_t i = 0; i < weights.count; i += kTileInputs, x += kMaxTileParts * kTileInputs) {
    for (int p = 0; p < kTileInputs; p += kColumnInputs<Bf16>) {
      fetch_columns<Bf16, kTileSide>(weights, i + p);
    }
    Column pairs[kTileSide];
    load_pairs(weights, i, pairs);
    Vec even[kRows][kMaxTileParts];
    Vec odd[kRows][kMaxTileParts];
    for (int r = 0; r < kRows; ++r) {
      for (int part = 0; part < kMaxTileParts; ++part) even[r][part] = odd[r][part] = splat(0.0F);
    }
#pragma GCC unroll 16
    for (int p = 0; p < kTileSide; ++p) {
      const Vec w0 = _mm512_castsi512_ps(_mm512_slli_epi32(pairs[p], 16));
      const Vec w1 = upper_half(pairs[p]);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
        for (int part = 0; part < kMaxTileParts; ++part) {
          const float* const pair = x + r * args.x_row_stride + part * kTileInputs + 2 * p;
          even[r][part] = fma(splat(pair[0]), w0, even[r][part]);
          odd[r][part] = fma(splat(pair[1]), w1, odd[r][part]);
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int part = 0; part < kMaxTileParts; ++part)
        sums[r] = sums[r] + (even[r][part] + odd[r][part]);
    }
  }
  for (int r = 0; r < kRows; ++r) store(args.sums + (row + r) * args.sums_stride, sums[r]);
}

void tile_stream_dense(const TileStreamArgs& args, const TileDenseArgs& weights) {
  const unsigned before = flush_subnormals();
  for_each_strip<kMaxStreamRows>(args.rows, [&](std::int64_t row, auto rows) {
    stream_dense_rows<rows.kCount>(args, row, weights);
  });
  _mm_setcsr(before);
}

template <class Panel, int kRows, int kPanels>
inline void stream_packed_panels(const TileStreamArgs& args, std::int64_t row,
                                 const TilePackedArgs& weights, std::int64_t panel) {
  constexpr int kSteps = kTileInputs / Panel::kInputs;  // of 64 bytes, in a block
  Vec sums[kRows][kPanels];
  for (auto& row_sums : sums) {
    for (Vec& sum : row_sums) sum = splat(0.0F);
  }
  const std::uint8_t* codes = weights.first.codes + panel * weights.codes_stride;
  const std::uint16_t* const scales = weights.first.scales + panel * weights.scales_stride;
  const float* x = args.x + row * args.x_row_stride;
  for (std::int64_t block = 0; block < weights.blocks; ++block, x += kTileInputs) {
    Vec even[kRows][kPanels];
    Vec odd[kRows][kPanels];
    Vec scale[kPanels];
    const std::int64_t group = weights.group_blocks == 1 ? block : block / 2;
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      scale[p] = load_bf16(scales + p * weights.scales_stride + group * kPackedCols);
      for (int r = 0; r < kRows; ++r) even[r][p] = odd[r][p] = splat(0.0F);
    }
#pragma GCC unroll 1
    for (int step = 0; step < kSteps; ++step, codes += kStepBytes) {
      const float* const values = x + step * Panel::kInputs;
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const std::uint8_t* const from = codes + p * weights.codes_stride;
        const __m512i lanes = load_512(from);
        _mm_prefetch(from + weights.fetch_ahead, _MM_HINT_T0);  // past the end it is harmless
#pragma GCC unroll 2
        for (int part = 0; part < Panel::kInputs / 4; ++part) {
          __m512i inputs[4];
          if (part == 0) {
            scaled_inputs<kCodeBits<Panel>, 0>(lanes, scale[p], Panel::kZero, inputs);
          } else {
            scaled_inputs<kCodeBits<Panel>, 8 - kCodeBits<Panel>>(lanes, scale[p], Panel::kZero,
                                                                  inputs);
          }
#pragma GCC unroll 2
          for (int r = 0; r < kRows; ++r) {
            const float* const v = values + r * args.x_row_stride + 4 * part;
            even[r][p] = fma(splat(v[0]), upper_half(inputs[0]), even[r][p]);
            odd[r][p] = fma(splat(v[1]), upper_half(inputs[1]), odd[r][p]);
            even[r][p] = fma(splat(v[2]), upper_half(inputs[2]), even[r][p]);
            odd[r][p] = fma(splat(v[3]), upper_half(inputs[3]), odd[r][p]);
          }
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int p = 0; p < kPanels; ++p) sums[r][p] = sums[r][p] + (even[r][p] + odd[r][p]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      store(args.sums + (row + r) * args.sums_stride + (panel + p) * kPackedCols, sums[r][p]);
    }
  }
}

template <class Panel, int kRows>
inline void stream_packed_rows(const TileStreamArgs& args, std::int64_t row,
                               const TilePackedArgs& weights) {
  std::int64_t panel = 0;
  for (; panel + 4 <= weights.panels; panel += 4) {
    stream_packed_panels<Panel, kRows, 4>(args, row, weights, panel);
  }
  for (; panel < weights.panels; ++panel) {
    stream_packed_panels<Panel, kRows, 1>(args, row, weights, panel);
  }
}

template <class Panel>
void tile_stream_packed(const TileStreamArgs& args, const TilePackedArgs& weights) {
  const unsigned before = flush_subnormals();
  for_each_strip<kMaxStreamRows>(args.rows, [&](std::int64_t row, auto rows) {
    stream_packed_rows<Panel, rows.kCount>(args, row, weights);
  });
  _mm_setcsr(before);
}

constexpr TileKernels kTileKernels = {
    .split = tile_split,
    .split_floats = tile_split_floats,
    .gather = tile_gather,
    .unpack = {tile_unpack<Int8Panel>, tile_unpack<Int4Panel>},
    .dot = tile_dot,
    .dot_unpacking = {tile_dot_unpacking<Int8Panel>, tile_dot_unpacking<Int4Panel>},
    .stream_dense = tile_stream_dense,
    .stream_packed = {tile_stream_packed<Int8Panel>, tile_stream_packed<Int4Panel>}};
