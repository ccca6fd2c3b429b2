// Eight floats in a ymm register, with fused multiply-add and half conversion.

using Vec = __m256;

constexpr int kLanes = 8;
// 6 rows of one tile, 2 vectors: 12 accumulators, 2 weights and 1 activation of the 16 registers.
// 12 independent FMAs cover a latency of 4 or 5 cycles at two a cycle.
constexpr int kFloatTiles = 1;
constexpr int kFloatSums = 12;
constexpr int kFloatStreamRows = 4;
// Likewise.
constexpr int kAttentionRows = 6;
constexpr int kAttentionSums = 12;

inline __m256i first_lanes(int count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
}

inline Vec splat(float value) { return _mm256_set1_ps(value); }
inline Vec load(const void* from) { return _mm256_loadu_ps(static_cast<const float*>(from)); }
inline Vec load_first(const void* from, int count) {
  return _mm256_maskload_ps(static_cast<const float*>(from), first_lanes(count));
}
inline void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
inline void store_first(float* to, Vec v, int count) {
  _mm256_maskstore_ps(to, first_lanes(count), v);
}

inline Vec load_bf16(const void* from) {
  const __m128i bits = _mm_loadu_si128(static_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline Vec load_f16(const void* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}

inline Vec load_i8(const void* from) {
  const __m128i bytes = _mm_loadl_epi64(static_cast<const __m128i*>(from));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }

// Where either is NaN: b.
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }

// The sum of the lanes: neighbours first, then the halves.
inline float reduce_add(Vec v) {
  const Vec pairs = _mm256_hadd_ps(v, v);
  const Vec quads = _mm256_hadd_ps(pairs, pairs);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}

inline float reduce_max(Vec v) {
  float lanes[kLanes];
  store(lanes, v);
  float best = lanes[0];
  for (int i = 1; i < kLanes; ++i) best = lanes[i] > best ? lanes[i] : best;
  return best;
}

// v * 2^n for integral n in [-150, 128]: in two steps, since 2^n alone may not be a normal float.
inline Vec scale_by_power_of_2(Vec v, Vec n) {
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i rest = _mm256_sub_epi32(whole, half);
  const Vec first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const Vec second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return v * first * second;
}

// Bit i tells of lane i.
inline unsigned nan_lanes(Vec v) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
}
inline unsigned equal_lanes(Vec a, Vec b) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)));
}
