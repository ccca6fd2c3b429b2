// Products of floats on vectors of sixteen features, as kernel_table.h lays them out: a feature a
// lane, so that no lanes are left to be added.

// The elements in each lane of a column as floats.
inline void widen_column(F32, __m512i column, Vec (&floats)[1]) {
  floats[0] = _mm512_castsi512_ps(column);
}
inline void widen_column(Bf16, __m512i column, Vec (&floats)[2]) {
  floats[0] = _mm512_castsi512_ps(_mm512_slli_epi32(column, 16));
  floats[1] = _mm512_castsi512_ps(_mm512_and_si512(column, _mm512_set1_epi32(~0xffff)));
}
inline void widen_column(F16, __m512i column, Vec (&floats)[2]) {
  floats[0] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(column));
  floats[1] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(column, 16)));
}

template <class Weight>
constexpr int kLaneElements = 4 / Weight::kBytes;
// Inputs that are transposed at once.
template <class Weight>
constexpr int kColumnInputs = kTileSide* kLaneElements<Weight>;

template <class Weight>
void float_tile_gather(const TileDenseArgs& args) {
  auto* to = reinterpret_cast<float*>(args.to);
  for (std::int64_t block = 0; block < args.count; block += kTileInputs) {
#pragma GCC unroll 2
    for (int i = 0; i < kTileInputs; i += kColumnInputs<Weight>) {
      __m512i columns[kTileSide];
      load_columns<Weight>(args, block + i, columns);
#pragma GCC unroll 16
      for (int c = 0; c < kTileSide; ++c) {
        Vec floats[kLaneElements<Weight>];
        widen_column(Weight(), columns[c], floats);
        for (const Vec v : floats) {
          store(to, v);
          to += kTileSide;
        }
      }
    }
  }
}

// kRows rows and kTiles weight tiles.
template <int kRows, int kTiles>
inline void float_tile_strip(const TileDotArgs& args, std::int64_t row, std::int64_t tile) {
  const std::int64_t stride = args.weight_tile_stride / 4;
  const float* w = reinterpret_cast<const float*>(args.weights) + tile * stride;
  const float* x = reinterpret_cast<const float*>(args.x) + row * kFloatRun;
  Vec sums[kRows][kTiles];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) sums[r][t] = splat(0.0F);
  }
  for (std::int64_t left = args.blocks * kTileInputs; left > 0; --left, ++x, w += kTileSide) {
    Vec weights[kTiles];
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) weights[t] = load(w + t * stride);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = splat(x[r * kFloatRun]);
#pragma GCC unroll 4
      for (int t = 0; t < kTiles; ++t) {
        sums[r][t] = fma(value, weights[t], sums[r][t]);
        keep_order(sums[r][t]);
      }
    }
  }
  float* to = args.sums + row * args.sums_stride + tile * kTileSide;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, to += args.sums_stride) {
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) {
      float* const sum = to + t * kTileSide;
      store(sum, args.accumulate ? load(sum) + sums[r][t] : sums[r][t]);
    }
  }
}

// The rows that no whole strip is left for: an even number of them, then one.
template <int kRows, int kTiles>
inline void float_tile_rest(const TileDotArgs& args, std::int64_t row, std::int64_t tile) {
  if constexpr (kRows > 0) {
    if (args.rows - row < kRows) return float_tile_rest<kRows - 2, kTiles>(args, row, tile);
    float_tile_strip<kRows, kTiles>(args, row, tile);
    row += kRows;
  }
  if (row < args.rows) float_tile_strip<1, kTiles>(args, row, tile);
}

// Strips of so many rows have 24 sums, of 32 registers: ten loads for 24 products of four tiles.
template <int kTiles>
constexpr int kFloatRows = 24 / kTiles;

// All rows of kTiles weight tiles.
template <int kTiles>
inline void float_tile_rows(const TileDotArgs& args, std::int64_t tile, FetchLines& beside) {
  std::int64_t row = 0;
  for (; row + kFloatRows<kTiles> <= args.rows; row += kFloatRows<kTiles>) {
    beside.step();
    float_tile_strip<kFloatRows<kTiles>, kTiles>(args, row, tile);
  }
  beside.step();
  float_tile_rest<kFloatRows<kTiles> - 2, kTiles>(args, row, tile);
}

void float_tile_dot(const TileDotArgs& args, const LineFetch& beside) {
  const std::int64_t strips = args.rows / kFloatRows<4> + 1;
  FetchLines fetch(beside, (args.weight_tiles + 3) / 4 * strips);
  std::int64_t tile = 0;
  for (; tile + 4 <= args.weight_tiles; tile += 4) float_tile_rows<4>(args, tile, fetch);
  for (; tile < args.weight_tiles; tile += 2) float_tile_rows<2>(args, tile, fetch);
}

// kRows rows and kTiles times sixteen features in the same order: a run, then the next one.
template <class Weight, int kRows, int kTiles>
void stream_floats(const TileStreamArgs& args, const TileDenseArgs& weights) {
  Vec totals[kRows][kTiles];
  for (std::int64_t run = 0; run < weights.count; run += kFloatRun) {
    const std::int64_t end = run + kFloatRun;
    Vec sums[kRows][kTiles];
    for (auto& row : sums) {
      for (Vec& sum : row) sum = splat(0.0F);
    }
    for (std::int64_t i = run; i < end && i < weights.count; i += kColumnInputs<Weight>) {
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) {
        TileDenseArgs tile = weights;
        tile.features += t * kTileSide;
        __m512i columns[kTileSide];
        load_columns<Weight>(tile, i, columns);
        const float* x = args.x + i;
#pragma GCC unroll 16
        for (int c = 0; c < kTileSide; ++c, x += kLaneElements<Weight>) {
          Vec floats[kLaneElements<Weight>];
          widen_column(Weight(), columns[c], floats);
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
            for (int e = 0; e < kLaneElements<Weight>; ++e) {
              sums[r][t] = fma(splat(x[r * args.x_row_stride + e]), floats[e], sums[r][t]);
            }
          }
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) {
        totals[r][t] = run > 0 ? totals[r][t] + sums[r][t] : sums[r][t];
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int t = 0; t < kTiles; ++t) {
      store(args.sums + r * args.sums_stride + t * kTileSide, totals[r][t]);
    }
  }
}

// Up to four rows take two tiles at once, as one sum alone would wait for itself; more rows have no
// registers for it.
template <class Weight, int kRows>
void stream_float_rows(const TileStreamArgs& args, const TileDenseArgs& weights,
                       std::int64_t tiles) {
  constexpr int kTiles = kRows <= 4 ? 2 : 1;
  if (tiles == kTiles) return stream_floats<Weight, kRows, kTiles>(args, weights);
  TileStreamArgs to = args;
  TileDenseArgs from = weights;
  for (; tiles > 0; --tiles, to.sums += kTileSide, from.features += kTileSide) {
    stream_floats<Weight, kRows, 1>(to, from);
  }
}

template <class Weight>
void float_tile_stream(const TileStreamArgs& args, const TileDenseArgs& weights,
                       std::int64_t tiles) {
  static_assert(kMaxFloatStreamRows == 8);
  switch (args.rows) {
    case 1: return stream_float_rows<Weight, 1>(args, weights, tiles);
    case 2: return stream_float_rows<Weight, 2>(args, weights, tiles);
    case 3: return stream_float_rows<Weight, 3>(args, weights, tiles);
    case 4: return stream_float_rows<Weight, 4>(args, weights, tiles);
    case 5: return stream_float_rows<Weight, 5>(args, weights, tiles);
    case 6: return stream_float_rows<Weight, 6>(args, weights, tiles);
    case 7: return stream_float_rows<Weight, 7>(args, weights, tiles);
    default: return stream_float_rows<Weight, 8>(args, weights, tiles);
  }
}

constexpr FloatTileKernels kFloatTileKernels = {
    .gather = {float_tile_gather<F32>, float_tile_gather<Bf16>, float_tile_gather<F16>},
    .dot = float_tile_dot,
    .stream = {float_tile_stream<F32>, float_tile_stream<Bf16>, float_tile_stream<F16>}};
