// One chunk of the online softmax for a tile of query rows, on the Vec of the including file.
//
// Every row's numbers come in an order that its position alone decides: scores sum over head_dim
// from 0 up, outputs over keys from 0 up, and keys that a row does not see are never read into
// them. Which rows share a tile is therefore free; so is where an element becomes a float, since
// that is exact for bfloat16 and one rounded product for int8.

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

// What the cache holds.
struct KvF32 {
  using Element = float;
  static constexpr bool kScaled = false;
  static Vec get(const Element* from) { return load(from); }
};
struct KvBf16 {
  using Element = std::uint16_t;
  static constexpr bool kScaled = false;
  static Vec get(const Element* from) { return load_bf16(from); }
};
struct KvI8 {
  using Element = std::int8_t;
  static constexpr bool kScaled = true;
  static Vec get(const Element* from) { return load_i8(from); }
};

template <class Kv>
inline Vec get_count(const typename Kv::Element* from, int count) {
  if (count == kLanes) return Kv::get(from);
  typename Kv::Element elements[kLanes] = {};
  __builtin_memcpy(elements, from, static_cast<std::size_t>(count) * sizeof elements[0]);
  return Kv::get(elements);
}

constexpr int kPanelVecs = kPanelKeys / kLanes;

// The power of two that n is or follows, at most `most`.
constexpr int power_of_2(int n, int most) {
  int power = 1;
  while (2 * power <= n && 2 * power <= most) power *= 2;
  return power;
}

// Few rows wait for memory: while they use the keys they ask for the values, and then for the next
// keys, which lie equally.
template <int kRows>
constexpr bool kPrefetch = kRows < kAttentionRows;
inline void prefetch(const void* address) { __builtin_prefetch(address); }

inline int visible_keys(const AttentionChunk& chunk, int row) {
  const int visible = chunk.seen[row] - chunk.begin;
  return visible < kChunkKeys ? visible : kChunkKeys;
}

// weights[r][panel keys] = queries_r . keys, for kRows rows and kPanels panels. kHeadDim: what it
// is, or 0. Known, it leaves one address for all rows, where each would take a register.
template <class Kv, int kRows, int kPanels, int kHeadDim>
inline void score_panels(const AttentionChunk& chunk, int row, int panel) {
  constexpr int kVecs = kPanels * kPanelVecs;
  const std::int64_t head_dim = kHeadDim > 0 ? kHeadDim : chunk.head_dim;
  const float* const query = chunk.queries + row * head_dim;
  const typename Kv::Element* keys[kPanels];
  const typename Kv::Element* values[kPanels];
  Vec scales[kVecs];
  for (int p = 0; p < kPanels; ++p) {
    const KvPanel& from = chunk.panels[panel + p];
    keys[p] = static_cast<const typename Kv::Element*>(from.keys);
    values[p] = static_cast<const typename Kv::Element*>(from.values);
    for (int v = 0; v < kPanelVecs && Kv::kScaled; ++v) {
      scales[p * kPanelVecs + v] = load(from.key_scales + v * kLanes);
    }
  }
  Vec scores[kRows][kVecs];
  for (auto& row_scores : scores) {
    for (Vec& score : row_scores) score = splat(0.0F);
  }
  for (std::int64_t d = 0; d < head_dim; ++d) {
    for (int p = 0; p < kPanels && kPrefetch<kRows>; ++p) prefetch(values[p] + d * kPanelKeys);
    Vec elements[kVecs];
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      elements[v] = Kv::get(keys[v / kPanelVecs] + d * kPanelKeys + v % kPanelVecs * kLanes);
      if constexpr (Kv::kScaled) elements[v] = elements[v] * scales[v];
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec element = splat(query[r * head_dim + d]);
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) scores[r][v] = fma(element, elements[v], scores[r][v]);
    }
  }
  float* const weights = chunk.weights + row * kChunkKeys + panel * kPanelKeys;
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVecs; ++v) store(weights + r * kChunkKeys + v * kLanes, scores[r][v]);
  }
}

// 2^x for x <= 0, within 2 units in the last place; 0 below -126.5. A NaN stays one.
inline Vec exp2_vec(Vec x) {
  typedef std::int32_t Bits __attribute__((vector_size(sizeof(Vec))));
  constexpr float kRound = 0x1.8p23F;  // adding it leaves the integer in the lowest bits
  x = max(splat(-127.0F), x);
  const Vec shifted = x + splat(kRound);
  const Vec r = x - (shifted - splat(kRound));
  // exp(r ln 2) by the Taylor polynomial of degree 7, whose remainder is below 6e-9 of the result.
  Vec p = splat(0x1.ffcbfcp-17F);
  p = fma(p, r, splat(0x1.430912p-13F));
  p = fma(p, r, splat(0x1.5d87fep-10F));
  p = fma(p, r, splat(0x1.3b2ab6p-7F));
  p = fma(p, r, splat(0x1.c6b08ep-5F));
  p = fma(p, r, splat(0x1.ebfbep-3F));
  p = fma(p, r, splat(0x1.62e43p-1F));
  p = fma(p, r, splat(1.0F));
  const Bits exponent = (reinterpret_cast<Bits>(shifted) + 127) << 23;
  return p * reinterpret_cast<Vec>(exponent);
}

// Turns the row's scores into powers of 2 below its maximum, and notes what that makes of its sum
// and of what it summed before: added[row], and the exponent of factors[row].
inline void soften_row(const AttentionChunk& chunk, int row) {
  const int visible = visible_keys(chunk, row);
  chunk.factors[row] = 0.0F;
  chunk.added[row] = 0.0F;
  if (visible <= 0) return;
  float* const weights = chunk.weights + row * kChunkKeys;
  for (int t = visible; t % kLanes != 0; ++t) weights[t] = -__builtin_inff();

  Vec max_lanes = splat(chunk.max[row]);
  for (int t = 0; t < visible; t += kLanes) max_lanes = max(max_lanes, load(weights + t));
  const float new_max = reduce_max(max_lanes);
  chunk.factors[row] = chunk.max[row] - new_max;
  chunk.max[row] = new_max;
  Vec sum_lanes = splat(0.0F);
  for (int t = 0; t < visible; t += kLanes) {
    const Vec weight = exp2_vec(load(weights + t) - splat(new_max));
    store(weights + t, weight);
    sum_lanes = sum_lanes + weight;
  }
  chunk.added[row] = reduce_add(sum_lanes);
}

// The factors of softened rows, and with them their sums.
void scale_sums(const AttentionChunk& chunk) {
  for_each_vec(chunk.rows, [&](std::int64_t row, int lanes) {
    const Vec factor = exp2_vec(load_count(chunk.factors + row, lanes));
    const Vec sum = load_count(chunk.sum + row, lanes);
    store_count(chunk.factors + row, factor, lanes);
    store_count(chunk.sum + row, sum * factor + load_count(chunk.added + row, lanes), lanes);
  });
}

// out_r[d ..] = factor_r * out_r[d ..] + sum over keys [begin, end) of weight * value.
// `lanes` is kLanes, or with kVecs 1 the rest of a row.
template <class Kv, int kRows, int kVecs>
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
    const KvPanel& panel = chunk.panels[t / kPanelKeys];
    const std::int64_t offset = std::int64_t{t % kPanelKeys} * chunk.head_dim + d;
    const auto* const value = static_cast<const typename Kv::Element*>(panel.values) + offset;
    if constexpr (kPrefetch<kRows>) {
      prefetch(chunk.next_keys[t / kPanelKeys] + offset * std::int64_t{sizeof *value});
    }
    Vec values[kVecs];
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      values[v] = get_count<Kv>(value + v * kLanes, lanes);
      if constexpr (Kv::kScaled) {
        values[v] = values[v] * splat(panel.value_scales[t % kPanelKeys]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec weight = splat(weights[r * kChunkKeys + t]);
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) mixed[r][v] = fma(weight, values[v], mixed[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      store_count(out + r * chunk.head_dim + v * kLanes, mixed[r][v], lanes);
    }
  }
}

template <class Kv, int kRows>
void mix_rows(const AttentionChunk& chunk, int row, const float* factors, int begin, int end, int d,
              int d_end) {
  constexpr int kVecs = power_of_2(kAttentionSums / kRows, 8);
  for (; d + kVecs * kLanes <= d_end; d += kVecs * kLanes) {
    mix_values<Kv, kRows, kVecs>(chunk, row, factors, begin, end, d, kLanes);
  }
  for (; d < d_end; d += kLanes) {
    const int rest = d_end - d;
    mix_values<Kv, kRows, 1>(chunk, row, factors, begin, end, d, rest < kLanes ? rest : kLanes);
  }
}

// The fewest and the most keys that rows [row, row + kRows) see.
struct Visible {
  int fewest;
  int most;
};

template <int kRows>
inline Visible visible_to(const AttentionChunk& chunk, int row) {
  Visible visible = {kChunkKeys, 0};
  for (int r = row; r < row + kRows; ++r) {
    const int keys = visible_keys(chunk, r);
    visible.fewest = keys < visible.fewest ? keys : visible.fewest;
    visible.most = keys > visible.most ? keys : visible.most;
  }
  if (visible.fewest < 0) visible.fewest = 0;
  return visible;
}

template <class Kv, int kRows>
void score_rows(const AttentionChunk& chunk, int row, int panel, int end) {
  constexpr int kPanels = power_of_2(kAttentionSums / (kRows * kPanelVecs), kChunkPanels);
  const int panels = (visible_to<kRows>(chunk, row).most + kPanelKeys - 1) / kPanelKeys;
  if (panels < end) end = panels;
  for (; panel + kPanels <= panels; panel += kPanels) {
    if (chunk.head_dim == 128) {
      score_panels<Kv, kRows, kPanels, 128>(chunk, row, panel);
    } else {
      score_panels<Kv, kRows, kPanels, 0>(chunk, row, panel);
    }
  }
  for (; panel < end; ++panel) score_panels<Kv, kRows, 1, 0>(chunk, row, panel);
}

template <class Kv, int kRows>
void mix_tile(const AttentionChunk& chunk, int row, int d, int d_end) {
  const Visible visible = visible_to<kRows>(chunk, row);
  if (visible.most <= 0) return;
  mix_rows<Kv, kRows>(chunk, row, chunk.factors + row, 0, visible.fewest, d, d_end);
  const float keep = 1.0F;
  for (int r = row; r < row + kRows; ++r) {
    const int keys = visible_keys(chunk, r);
    if (keys > visible.fewest) mix_rows<Kv, 1>(chunk, r, &keep, visible.fewest, keys, d, d_end);
  }
}

// Panels that stay in a first-level cache while all tiles of rows use them: as many as a tile has,
// and where that is one, two.
constexpr int kTilePanels = kAttentionSums / (kAttentionRows * kPanelVecs);
constexpr int kCachedPanels = kTilePanels > 2 ? kTilePanels : 2;
static_assert(kChunkPanels % kCachedPanels == 0);

template <class Kv>
void attend_as(const AttentionChunk& chunk) {
  const int step = chunk.rows < kAttentionRows ? kChunkPanels : kCachedPanels;
  for (int panel = 0; panel < kChunkPanels; panel += step) {
    for_each_strip<kAttentionRows>(chunk.rows, [&](std::int64_t row, auto rows) {
      score_rows<Kv, rows.kCount>(chunk, static_cast<int>(row), panel, panel + step);
    });
  }
  for (int row = 0; row < chunk.rows; ++row) soften_row(chunk, row);
  scale_sums(chunk);
  for_each_strip<kAttentionRows>(chunk.rows, [&](std::int64_t row, auto rows) {
    mix_tile<Kv, rows.kCount>(chunk, static_cast<int>(row), 0, chunk.head_dim);
  });
}

void attend(const AttentionChunk& chunk) {
  switch (chunk.type) {
    case KvType::kF32: return attend_as<KvF32>(chunk);
    case KvType::kBf16: return attend_as<KvBf16>(chunk);
    case KvType::kI8: return attend_as<KvI8>(chunk);
  }
}
