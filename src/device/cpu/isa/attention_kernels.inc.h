// One chunk of the online softmax for a tile of query rows, on the Vec of the including file; and
// what makes the numbers of an int8 cache into its floats.
//
// Every row's numbers come in an order that its position alone decides: scores sum over head_dim
// from 0 up, outputs over keys from 0 up, and keys that a row does not see are never read into
// them. Which rows share a tile is therefore free.

void dequantize(const std::int8_t* from, const float* scales, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(to + i, load_i8(from + i) * load(scales + i % kPanelKeys));
  }
  if (i == count) return;
  const int rest = static_cast<int>(count - i);
  std::int8_t bytes[kLanes] = {};
  __builtin_memcpy(bytes, from + i, static_cast<std::size_t>(rest));
  store_first(to + i, load_i8(bytes) * load(scales + i % kPanelKeys), rest);
}

constexpr int kPanelVecs = kPanelKeys / kLanes;
constexpr int kOutVecs = 2;

// weights[r][panel keys] = queries_r . keys, for kRows rows from `row` on.
template <int kRows>
inline void score_panel(const AttentionChunk& chunk, int row, int panel) {
  const float* const query = chunk.queries + std::int64_t{row} * chunk.head_dim;
  const float* key = chunk.keys[panel];
  Vec scores[kRows][kPanelVecs];
  for (auto& row_scores : scores) {
    for (Vec& score : row_scores) score = splat(0.0F);
  }
  for (int d = 0; d < chunk.head_dim; ++d, key += kPanelKeys) {
    Vec keys[kPanelVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVecs; ++v) keys[v] = load(key + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec element = splat(query[r * chunk.head_dim + d]);
#pragma GCC unroll 4
      for (int v = 0; v < kPanelVecs; ++v) scores[r][v] = fma(element, keys[v], scores[r][v]);
    }
  }
  float* const weights = chunk.weights + row * kChunkKeys + panel * kPanelKeys;
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kPanelVecs; ++v) store(weights + r * kChunkKeys + v * kLanes, scores[r][v]);
  }
}

// Turns the row's scores into exp(score - max) and gives the factor for what was summed before.
inline float soften_row(const AttentionChunk& chunk, int row) {
  float* const weights = chunk.weights + row * kChunkKeys;
  const int visible = chunk.visible[row];
  for (int t = visible; t < kChunkKeys; ++t) weights[t] = -__builtin_inff();

  Vec max_lanes = splat(chunk.max[row]);
  for (int t = 0; t < visible; t += kLanes) {
    const Vec score = load(weights + t) * splat(chunk.scale);
    store(weights + t, score);
    max_lanes = max(max_lanes, score);
  }
  const float new_max = reduce_max(max_lanes);
  Vec sum_lanes = splat(0.0F);
  for (int t = 0; t < visible; t += kLanes) {
    const Vec weight = exp_vec(load(weights + t) - splat(new_max));
    store(weights + t, weight);
    sum_lanes = sum_lanes + weight;
  }
  float correction[kLanes];
  store(correction, exp_vec(splat(chunk.max[row] - new_max)));
  float sum[4];
  reduce4(sum_lanes, sum_lanes, sum_lanes, sum_lanes, sum);
  chunk.max[row] = new_max;
  chunk.sum[row] = chunk.sum[row] * correction[0] + sum[0];
  return correction[0];
}

inline const float* value_row(const AttentionChunk& chunk, int key) {
  return chunk.values[key / kPanelKeys] + std::int64_t{key % kPanelKeys} * chunk.head_dim;
}

// out_r[d ..] = factor_r * out_r[d ..] + sum over keys [begin, end) of weight * value.
// `lanes` is kLanes, or with kVecs 1 the rest of a row.
template <int kRows, int kVecs>
inline void mix_values(const AttentionChunk& chunk, int row, const float* factors, int begin,
                       int end, int d, int lanes) {
  float* const out = chunk.out + std::int64_t{row} * chunk.head_dim + d;
  const float* const weights = chunk.weights + row * kChunkKeys;
  Vec mixed[kRows][kVecs];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      mixed[r][v] = load_count(out + r * chunk.head_dim + v * kLanes, lanes) * splat(factors[r]);
    }
  }
  for (int t = begin; t < end; ++t) {
    const float* const value = value_row(chunk, t) + d;
    Vec values[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) values[v] = load_count(value + v * kLanes, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec weight = splat(weights[r * kChunkKeys + t]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) mixed[r][v] = fma(weight, values[v], mixed[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      store_count(out + r * chunk.head_dim + v * kLanes, mixed[r][v], lanes);
    }
  }
}

template <int kRows>
void mix_rows(const AttentionChunk& chunk, int row, const float* factors, int begin, int end) {
  int d = 0;
  for (; d + kOutVecs * kLanes <= chunk.head_dim; d += kOutVecs * kLanes) {
    mix_values<kRows, kOutVecs>(chunk, row, factors, begin, end, d, kLanes);
  }
  for (; d < chunk.head_dim; d += kLanes) {
    const int rest = chunk.head_dim - d;
    mix_values<kRows, 1>(chunk, row, factors, begin, end, d, rest < kLanes ? rest : kLanes);
  }
}

// Rows [row, row + kRows).
template <int kRows>
void attend_rows(const AttentionChunk& chunk, int row) {
  const int* const visible = chunk.visible + row;
  int fewest = kChunkKeys;
  int most = 0;
  for (int r = 0; r < kRows; ++r) {
    fewest = visible[r] < fewest ? visible[r] : fewest;
    most = visible[r] > most ? visible[r] : most;
  }
  if (most <= 0) return;
  for (int panel = 0; panel * kPanelKeys < most; ++panel) score_panel<kRows>(chunk, row, panel);

  float factors[kRows];
  for (int r = 0; r < kRows; ++r) {
    factors[r] = visible[r] > 0 ? soften_row(chunk, row + r) : 1.0F;
  }
  const int shared = fewest > 0 ? fewest : 0;
  mix_rows<kRows>(chunk, row, factors, 0, shared);
  const float keep = 1.0F;
  for (int r = 0; r < kRows; ++r) {
    if (visible[r] > shared) mix_rows<1>(chunk, row + r, &keep, shared, visible[r]);
  }
}

void attend(const AttentionChunk& chunk) {
  int row = 0;
  for (; row + kAttentionRows <= chunk.rows; row += kAttentionRows) {
    attend_rows<kAttentionRows>(chunk, row);
  }
  for (; row + 2 <= chunk.rows; row += 2) attend_rows<2>(chunk, row);
  for (; row < chunk.rows; ++row) attend_rows<1>(chunk, row);
}
