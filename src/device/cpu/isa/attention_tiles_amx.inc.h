// One chunk of attention on AMX: scores and outputs as products of bfloat16 tiles. Keys and values
// are bfloat16 already; queries and weights, which are floats, become three parts each.
//
// Of a row the order of sums is that of TDPBF16PS over blocks of head_dim, and over both blocks of
// the chunk's keys, where zeros stand for what the row does not see. So its bits depend on what it
// sees, not on the rows and keys beside it.

constexpr int kChunkBlocks = kChunkKeys / kTileInputs;
constexpr int kChunkVecs = kChunkKeys / kLanes;

// Which words of one or two vectors a permutation takes: two for each lane, lane by lane.
struct alignas(64) WordOrder {
  std::uint32_t lanes[kLanes];
};
constexpr WordOrder word_order(std::uint32_t even, std::uint32_t odd, std::uint32_t step) {
  WordOrder order = {};
  for (std::uint32_t i = 0; i < kLanes; ++i) {
    order.lanes[i] = (even + step * i) | (odd + step * i) << 16U;
  }
  return order;
}
constexpr WordOrder kPairsOfHalves = word_order(0, 16, 1);
constexpr WordOrder kPairsOfLowHalves = word_order(0, 32, 1);
constexpr WordOrder kPairsOfHighHalves = word_order(16, 48, 1);
constexpr WordOrder kOddWords = word_order(1, 3, 4);

inline __m512i permuted(__m512i v, const WordOrder& order) {
  return _mm512_permutexvar_epi16(load_512(order.lanes), v);
}
inline __m512i permuted(__m512i a, __m512i b, const WordOrder& order) {
  return _mm512_permutex2var_epi16(a, load_512(order.lanes), b);
}

// The parts of a block's numbers, `part_bytes` apart. Each but the last cuts off what eight bits do
// not hold, and leaves exactly that over: cheaper than rounding, and as whole. NaN stays one.
inline void store_cut_parts(Vec low, Vec high, std::byte* to, std::int64_t part_bytes) {
#pragma GCC unroll 3
  for (int part = 0; part < kMaxTileParts; ++part, to += part_bytes) {
    _mm512_storeu_si512(to, permuted(bits_of(low), bits_of(high), kOddWords));
    low = low - upper_half(bits_of(low));
    high = high - upper_half(bits_of(high));
  }
}

// Rows in tiles of kTileSide, of which the last may have fewer: each [blocks][parts][rows][32].
struct RowTiles {
  int rows;
  std::int64_t blocks;

  std::int64_t rows_of(int tile) const {
    const int left = rows - tile * static_cast<int>(kTileSide);
    return left < kTileSide ? left : kTileSide;
  }
  std::int64_t offset(int tile) const {
    return tile * kTileSide * blocks * kMaxTileParts * kTileRowBytes;
  }
};

void split_queries(const float* queries, int rows, int head_dim, std::byte* to) {
  const RowTiles tiles{.rows = rows, .blocks = head_dim / kTileInputs};
  for (int row = 0; row < rows; ++row) {
    const int tile = row / static_cast<int>(kTileSide);
    const std::int64_t part_bytes = tiles.rows_of(tile) * kTileRowBytes;
    std::byte* part = to + tiles.offset(tile) + row % kTileSide * kTileRowBytes;
    for (std::int64_t block = 0; block < tiles.blocks; ++block) {
      const float* const from = queries + std::int64_t{row} * head_dim + block * kTileInputs;
      store_cut_parts(load(from), load(from + kLanes), part, part_bytes);
      part += kMaxTileParts * part_bytes;
    }
  }
}

// Fetches what the next chunk reads, bit by bit: half of it beside this one's tiles being built,
// half beside their products. All at once would find the processor's line buffers full, and leave
// memory idle thereafter.
class NextLines {
 public:
  NextLines(const AttentionChunk& chunk, const AttentionTiles& tiles)
      : streams_(tiles.next), end_(tiles.next + 2 * kChunkPanels), lines_(chunk.head_dim / 2) {
    const int groups = (chunk.rows + kTiledRows - 1) / kTiledRows;
    const int blocks = chunk.head_dim / static_cast<int>(kTileInputs);
    const int steps = (kChunkPanels / 2 + kChunkBlocks) * blocks * groups;
    a_step_ = (kChunkPanels * lines_ + steps - 1) / steps;
  }
  void step() { fetch(a_step_); }
  void fetch(int count) {
    for (; count > 0 && streams_ != end_; --count) {
      _mm_prefetch(*streams_ + line_ * kTileRowBytes, _MM_HINT_T1);
      if (++line_ == lines_) {
        line_ = 0;
        ++streams_;
      }
    }
  }

 private:
  const std::byte* const* streams_;
  const std::byte* const* end_;
  int lines_;  // of a stream
  int line_ = 0;
  int a_step_;
};

// Keys as tiles [panel][head_dim / 2][key][2]. What a panel holds beyond the defined keys comes to
// columns of scores that no row sees.
inline void build_key_tiles(const AttentionChunk& chunk, const AttentionTiles& tiles,
                            NextLines& next) {
  const std::int64_t panel_bytes = std::int64_t{chunk.head_dim} * kPanelKeys * 2;
  for (int panel = 0; panel * kPanelKeys < tiles.keys; ++panel) {
    const auto* const from = static_cast<const std::byte*>(chunk.panels[panel].keys);
    std::byte* const to = tiles.key_tiles + panel * panel_bytes;
    for (std::int64_t at = 0; at < panel_bytes; at += 2 * kTileRowBytes) {
      next.fetch(1);
      _mm512_storeu_si512(to + at, permuted(load_512(from + at), kPairsOfHalves));
      _mm512_storeu_si512(to + at + kTileRowBytes,
                          permuted(load_512(from + at + kTileRowBytes), kPairsOfHalves));
    }
  }
}

inline const std::uint16_t* value_of(const AttentionChunk& chunk, int key) {
  const auto* const values =
      static_cast<const std::uint16_t*>(chunk.panels[key / kPanelKeys].values);
  return values + std::int64_t{key % kPanelKeys} * chunk.head_dim;
}
// 32 features of a value; zeros from key `end` on, whose values are not read.
inline __m512i value_features(const AttentionChunk& chunk, int key, int end, int feature) {
  return key < end ? load_512(value_of(chunk, key) + feature) : _mm512_setzero_si512();
}

// Values of keys [0, end) as tiles [head_dim / 16][blocks][key / 2][feature][2], then zeros.
inline void build_value_tiles(const AttentionChunk& chunk, const AttentionTiles& tiles, int end,
                              NextLines& next) {
  constexpr std::int64_t kFeatureTileBytes = kChunkBlocks * kTileBytes;
  for (int key = 0; key < kChunkKeys; key += 2) {
    std::byte* to = tiles.value_tiles + key / 2 * kTileRowBytes;
    for (int feature = 0; feature < chunk.head_dim; feature += kTileInputs) {
      next.fetch(1);
      const __m512i a = value_features(chunk, key, end, feature);
      const __m512i b = value_features(chunk, key + 1, end, feature);
      _mm512_storeu_si512(to, permuted(a, b, kPairsOfLowHalves));
      _mm512_storeu_si512(to + kFeatureTileBytes, permuted(a, b, kPairsOfHighHalves));
      to += 2 * kFeatureTileBytes;
    }
  }
}

// Whether values of keys [begin, end) are all finite: zero times others is NaN.
inline bool finite_values(const AttentionChunk& chunk, int begin, int end) {
  Vec sum = splat(0.0F);
  for (int key = begin; key < end; ++key) {
    const std::uint16_t* const value = value_of(chunk, key);
    for (int d = 0; d < chunk.head_dim; d += kLanes) {
      sum = fma(load_bf16(value + d), splat(0.0F), sum);
    }
  }
  return nan_lanes(sum) == 0;
}

// Rows [row, row + rows) of a chunk as a chunk.
inline AttentionChunk rows_of_chunk(const AttentionChunk& chunk, int row, int rows) {
  AttentionChunk part = chunk;
  part.rows = rows;
  part.queries += std::int64_t{row} * chunk.head_dim;
  part.seen += row;
  part.weights += std::int64_t{row} * kChunkKeys;
  part.factors += row;
  part.added += row;
  part.max += row;
  part.sum += row;
  part.out += std::int64_t{row} * chunk.head_dim;
  return part;
}

inline Visible visible_to_all(const AttentionChunk& chunk) {
  Visible visible = {kChunkKeys, 0};
  for (int row = 0; row < chunk.rows; ++row) {
    const int keys = visible_keys(chunk, row);
    visible.fewest = keys < visible.fewest ? keys : visible.fewest;
    visible.most = keys > visible.most ? keys : visible.most;
  }
  if (visible.fewest < 0) visible.fewest = 0;
  return visible;
}

// Products of at most two tiles of rows with pairs of weight tiles, `weights_bytes` apart.
struct RowProduct {
  RowTiles rows;
  const std::byte* x;
  const std::byte* weights;
  std::int64_t weights_bytes;
  int weight_tiles;
  float* sums;
  std::int64_t sums_stride;
  bool accumulate;
};
template <class Beside>
inline void multiply_rows(const RowProduct& product, Beside& beside) {
  const RowTiles& rows = product.rows;
  const bool pair = rows.rows > kTileSide;
  TileStep step{.blocks = rows.blocks,
                .sums_bytes = product.sums_stride * 4,
                .accumulate = product.accumulate,
                .x = {product.x, product.x + rows.offset(1)},
                .last_rows = rows.rows_of(pair ? 1 : 0)};
  configure_tiles(pair ? kTileSide : step.last_rows, step.last_rows);
  for (int tile = 0; tile < product.weight_tiles; tile += 2) {
    step.w[0] = product.weights + tile * product.weights_bytes;
    step.w[1] = step.w[0] + product.weights_bytes;
    step.sums = product.sums + tile * kTileSide;
    if (pair) {
      tile_dot_step<kMaxTileParts, true>(step, beside);
    } else {
      tile_dot_step<kMaxTileParts, false>(step, beside);
    }
  }
}

// Rows of a chunk that are computed together, at most kTiledRows.
struct RowGroup {
  AttentionChunk chunk = {};
  const std::byte* queries = nullptr;
  int panels = 0;  // of which a row sees any

  int rows() const { return chunk.rows; }
};

// Scores of a row as powers of 2 below its maximum: soften_row, but in registers.
inline void soften_scores(const AttentionChunk& chunk, int row, Vec (&weights)[kChunkVecs]) {
  chunk.factors[row] = 0.0F;
  chunk.added[row] = 0.0F;
  const int visible = visible_keys(chunk, row);
  if (visible <= 0) {
    for (Vec& weight : weights) weight = splat(0.0F);
    return;
  }
  float* const scores = chunk.weights + row * kChunkKeys;
  for (int t = visible; t < kChunkKeys; ++t) scores[t] = -__builtin_inff();
  Vec max_lanes = splat(chunk.max[row]);
  for (int v = 0; v < kChunkVecs; ++v) {
    weights[v] = load(scores + v * kLanes);
    max_lanes = max(max_lanes, weights[v]);
  }
  const float new_max = reduce_max(max_lanes);
  chunk.factors[row] = chunk.max[row] - new_max;
  chunk.max[row] = new_max;
  Vec sum_lanes = splat(0.0F);
  for (Vec& weight : weights) {
    weight = exp2_vec(weight - splat(new_max));
    sum_lanes = sum_lanes + weight;
  }
  chunk.added[row] = reduce_add(sum_lanes);
}

// Weights from the scores of a group, as parts: a row with each step.
class Softening {
 public:
  Softening(const RowGroup& group, std::byte* parts)
      : chunk_(group.chunk), tiles_{.rows = group.rows(), .blocks = kChunkBlocks}, parts_(parts) {}
  void step() {
    if (row_ < chunk_.rows) soften(row_++);
  }
  void finish() {
    while (row_ < chunk_.rows) soften(row_++);
    scale_sums(chunk_);
    for (int row = 0; row < chunk_.rows; ++row) {
      if (chunk_.factors[row] != 1.0F) scale_out(row);
    }
  }

 private:
  void soften(int row) {
    Vec weights[kChunkVecs];
    soften_scores(chunk_, row, weights);
    const int tile = row / static_cast<int>(kTileSide);
    const std::int64_t part_bytes = tiles_.rows_of(tile) * kTileRowBytes;
    std::byte* to = parts_ + tiles_.offset(tile) + row % kTileSide * kTileRowBytes;
    for (int v = 0; v < kChunkVecs; v += 2, to += kMaxTileParts * part_bytes) {
      store_cut_parts(weights[v], weights[v + 1], to, part_bytes);
    }
  }

  void scale_out(int row) const {
    const Vec factor = splat(chunk_.factors[row]);
    float* const out = chunk_.out + std::int64_t{row} * chunk_.head_dim;
    for (int d = 0; d < chunk_.head_dim; d += kLanes) store(out + d, load(out + d) * factor);
  }

  const AttentionChunk& chunk_;
  const RowTiles tiles_;
  std::byte* const parts_;
  int row_ = 0;
};

// With each step `kSteps` of one thing and one of another.
template <int kSteps, class Often, class Once>
struct Both {
  Often& often;
  Once& once;
  void step() {
    for (int i = 0; i < kSteps; ++i) often.step();
    once.step();
  }
};

class TiledChunk {
 public:
  TiledChunk(const AttentionChunk& chunk, const AttentionTiles& tiles, NextLines& next)
      : chunk_(chunk), tiles_(tiles), next_(next) {}

  // While a group is scored, the one before it is softened.
  void attend() {
    RowGroup scored;
    RowGroup softened;
    int row = 0;
    do {
      softened = scored;
      scored = next_group(row);
      Softening softening(softened, tiles_.weights);
      Both<4, Softening, NextLines> beside{softening, next_};
      score(scored, beside);
      softening.finish();
      mix(softened);
    } while (scored.rows() > 0);
  }

 private:
  // The next rows that see any of the keys.
  RowGroup next_group(int& row) const {
    const RowTiles tiles{.rows = chunk_.rows, .blocks = chunk_.head_dim / kTileInputs};
    while (row < chunk_.rows) {
      const int left = chunk_.rows - row;
      RowGroup group{.chunk = rows_of_chunk(chunk_, row, left < kTiledRows ? left : kTiledRows),
                     .queries = tiles_.queries + tiles.offset(row / static_cast<int>(kTileSide))};
      row += kTiledRows;
      group.panels = (visible_to_all(group.chunk).most + kPanelKeys - 1) / kPanelKeys;
      if (group.panels > 0) return group;
    }
    return {};
  }

  template <class Beside>
  void score(const RowGroup& group, Beside& beside) const {
    if (group.rows() == 0) return;
    multiply_rows({.rows = {.rows = group.rows(), .blocks = chunk_.head_dim / kTileInputs},
                   .x = group.queries,
                   .weights = tiles_.key_tiles,
                   .weights_bytes = std::int64_t{chunk_.head_dim} * kPanelKeys * 2,
                   .weight_tiles = group.panels,
                   .sums = group.chunk.weights,
                   .sums_stride = kChunkKeys,
                   .accumulate = false},
                  beside);
  }
  void mix(const RowGroup& group) {
    if (group.rows() == 0) return;
    multiply_rows({.rows = {.rows = group.rows(), .blocks = kChunkBlocks},
                   .x = tiles_.weights,
                   .weights = tiles_.value_tiles,
                   .weights_bytes = kChunkBlocks * kTileBytes,
                   .weight_tiles = chunk_.head_dim / static_cast<int>(kTileSide),
                   .sums = group.chunk.out,
                   .sums_stride = chunk_.head_dim,
                   .accumulate = true},
                  next_);
  }

  const AttentionChunk& chunk_;
  const AttentionTiles& tiles_;
  NextLines& next_;
};

// Rows that see alike, with those values alone that they see: where others are not finite, which
// times a weight of zero would be NaN.
inline void attend_apart(const AttentionChunk& chunk, const AttentionTiles& tiles,
                         NextLines& next) {
  int end = 0;
  for (int row = 0; row < chunk.rows; row = end) {
    const int visible = visible_keys(chunk, row);
    for (end = row + 1; end < chunk.rows && visible_keys(chunk, end) == visible;) ++end;
    if (visible <= 0) continue;
    const AttentionChunk alike = rows_of_chunk(chunk, row, end - row);
    split_queries(alike.queries, alike.rows, alike.head_dim, tiles.queries);
    build_value_tiles(chunk, tiles, visible, next);
    TiledChunk(alike, tiles, next).attend();
  }
  split_queries(chunk.queries, chunk.rows, chunk.head_dim, tiles.queries);
}

void tile_attend(const AttentionChunk& chunk, const AttentionTiles& tiles) {
  NextLines next(chunk, tiles);
  build_key_tiles(chunk, tiles, next);
  if (finite_values(chunk, visible_to_all(chunk).fewest, tiles.keys)) {
    build_value_tiles(chunk, tiles, tiles.keys, next);
    TiledChunk(chunk, tiles, next).attend();
  } else {
    attend_apart(chunk, tiles, next);
  }
  _tile_release();
}

constexpr TileAttention kTileAttention = {.split = split_queries, .attend = tile_attend};
