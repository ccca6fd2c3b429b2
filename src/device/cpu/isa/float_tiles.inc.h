// Products of floats on vectors of features, as kernel_table.h lays them out: a feature a lane, so
// that no lanes are left to be added.

constexpr int kTileVecs = kTileSide / kLanes;

// kColumnInputs inputs from i on of kLanes features, as floats from `to` on.
template <class Weight>
inline void gather_columns(const TileDenseArgs& args, int first, std::int64_t i, float* to) {
  Column columns[kColumns];
  load_columns<Weight>(args, first, i, columns);
#pragma GCC unroll 4
  for (int c = 0; c < kColumns; ++c) {
    Vec floats[kLaneElements<Weight>];
    widen_column(Weight(), columns[c], floats);
    for (const Vec v : floats) {
      store(to, v);
      to += kTileSide;
    }
  }
}

template <class Weight>
void float_tile_gather(const TileDenseArgs& args) {
  auto* to = reinterpret_cast<float*>(args.to);
  for (std::int64_t block = 0; block < args.count; block += kTileInputs) {
#pragma GCC unroll 8
    for (int i = 0; i < kTileInputs; i += kColumnInputs<Weight>) {
#pragma GCC unroll 4
      for (int first = 0; first < kTileSide; first += kLanes) {
        gather_columns<Weight>(args, first, block + i, to + first);
      }
      to += kColumnInputs<Weight> * kTileSide;
    }
  }
}

template <int kRows, int kVecs>
inline void clear_sums(Vec (&sums)[kRows][kVecs]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) sums[r][v] = splat(0.0F);
  }
}

// kRows rows and kTiles weight tiles.
template <int kRows, int kTiles>
inline void float_tile_strip(const TileDotArgs& args, std::int64_t row, std::int64_t tile) {
  constexpr int kVecs = kTiles * kTileVecs;
  const std::int64_t stride = args.weight_tile_stride / 4;
  const float* w = reinterpret_cast<const float*>(args.weights) + tile * stride;
  const float* x = reinterpret_cast<const float*>(args.x) + row * kFloatRun;
  Vec sums[kRows][kVecs];
  clear_sums(sums);
  for (std::int64_t left = args.blocks * kTileInputs; left > 0; --left, ++x, w += kTileSide) {
    Vec weights[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) {
      weights[v] = load(w + v / kTileVecs * stride + v % kTileVecs * kLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = splat(x[r * kFloatRun]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        sums[r][v] = fma(value, weights[v], sums[r][v]);
        keep_order(sums[r][v]);
      }
    }
  }
  float* to = args.sums + row * args.sums_stride + tile * kTileSide;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, to += args.sums_stride) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) {
      float* const sum = to + v * kLanes;
      store(sum, args.accumulate ? load(sum) + sums[r][v] : sums[r][v]);
    }
  }
}

template <int kTiles>
constexpr int kFloatRows = kFloatSums / (kTiles * kTileVecs);

// All rows of kTiles weight tiles. A few rows take as long as some more, as their sums wait for
// themselves.
template <int kTiles>
inline void float_tile_rows(const TileDotArgs& args, std::int64_t tile, FetchLines& beside) {
  for_each_strip<kFloatRows<kTiles>, kFloatRows<kTiles> / 2>(
      args.rows, [&](std::int64_t row, auto rows) {
        beside.step();
        float_tile_strip<rows.kCount, kTiles>(args, row, tile);
      });
}

void float_tile_dot(const TileDotArgs& args, const LineFetch& beside) {
  constexpr std::int64_t kRows = kFloatRows<kFloatTiles>;
  const std::int64_t strips = (args.rows + kRows - 1) / kRows;
  FetchLines fetch(beside, (args.weight_tiles + kFloatTiles - 1) / kFloatTiles * strips);
  std::int64_t tile = 0;
  for (; tile + kFloatTiles <= args.weight_tiles; tile += kFloatTiles) {
    float_tile_rows<kFloatTiles>(args, tile, fetch);
  }
  if constexpr (kFloatTiles > 2) {
    for (; tile < args.weight_tiles; tile += 2) float_tile_rows<2>(args, tile, fetch);
  }
}

// Vectors of features whose sums take turns: one alone would wait for itself, for more the columns
// have no registers.
constexpr int kTurns = 2;

// The products of kColumnInputs inputs from i on, added to the sums.
template <class Weight, int kRows, int kVecs, bool kWhole>
inline void stream_columns(const TileStreamArgs& args, const TileDenseArgs& weights, std::int64_t i,
                           Vec (&sums)[kRows][kVecs]) {
  constexpr int kStep = kVecs < kTurns ? kVecs : kTurns;
#pragma GCC unroll 8
  for (int first = 0; first < kVecs; first += kStep) {
    Column columns[kStep][kColumns];
#pragma GCC unroll 2
    for (int v = 0; v < kStep; ++v) {
      if constexpr (kWhole) {
        load_whole_columns<Weight>(weights, (first + v) * kLanes, i, columns[v]);
      } else {
        load_last_columns<Weight>(weights, (first + v) * kLanes, i, columns[v]);
      }
    }
    const float* x = args.x + i;
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c, x += kLaneElements<Weight>) {
      Vec floats[kStep][kLaneElements<Weight>];
#pragma GCC unroll 2
      for (int v = 0; v < kStep; ++v) widen_column(Weight(), columns[v][c], floats[v]);
#pragma GCC unroll 2
      for (int e = 0; e < kLaneElements<Weight>; ++e) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const Vec value = splat(x[r * args.x_row_stride + e]);
#pragma GCC unroll 2
          for (int v = 0; v < kStep; ++v) {
            sums[r][first + v] = fma(value, floats[v][e], sums[r][first + v]);
            keep_order(sums[r][first + v]);
          }
        }
      }
    }
  }
}

// kRows rows and kVecs vectors of features in the same order: a run, then the next one.
template <class Weight, int kRows, int kVecs>
void stream_floats(const TileStreamArgs& args, const TileDenseArgs& weights) {
  Vec totals[kRows][kVecs];
  clear_sums(totals);
  for (std::int64_t run = 0; run < weights.count; run += kFloatRun) {
    const std::int64_t end = run + kFloatRun < weights.count ? run + kFloatRun : weights.count;
    Vec sums[kRows][kVecs];
    clear_sums(sums);
    std::int64_t i = run;
    for (; i + kColumnInputs<Weight> <= end; i += kColumnInputs<Weight>) {
      fetch_columns<Weight, kVecs * kLanes>(weights, i);
      stream_columns<Weight, kRows, kVecs, true>(args, weights, i, sums);
    }
    if (i < end) stream_columns<Weight, kRows, kVecs, false>(args, weights, i, sums);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) totals[r][v] = totals[r][v] + sums[r][v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      store(args.sums + r * args.sums_stride + v * kLanes, totals[r][v]);
    }
  }
}

// As many rows as leave registers for it take two tiles at once.
template <class Weight, int kRows>
void stream_float_rows(const TileStreamArgs& args, const TileDenseArgs& weights,
                       std::int64_t tiles) {
  constexpr int kTiles = 2 * kRows * kTileVecs <= kFloatSums / 3 ? 2 : 1;
  if (tiles == kTiles) return stream_floats<Weight, kRows, kTiles * kTileVecs>(args, weights);
  TileStreamArgs to = args;
  TileDenseArgs from = weights;
  for (; tiles > 0; --tiles, to.sums += kTileSide, from.features += kTileSide) {
    stream_floats<Weight, kRows, kTileVecs>(to, from);
  }
}

template <class Weight>
void float_tile_stream(const TileStreamArgs& args, const TileDenseArgs& weights,
                       std::int64_t tiles) {
  call_with_rows<kFloatStreamRows>(0, args.rows, [&](std::int64_t, auto rows) {
    stream_float_rows<Weight, rows.kCount>(args, weights, tiles);
  });
}

constexpr FloatTileKernels kFloatTileKernels = {
    .max_stream_rows = kFloatStreamRows,
    .gather = {float_tile_gather<F32>, float_tile_gather<Bf16>, float_tile_gather<F16>},
    .dot = float_tile_dot,
    .stream = {float_tile_stream<F32>, float_tile_stream<Bf16>, float_tile_stream<F16>}};
