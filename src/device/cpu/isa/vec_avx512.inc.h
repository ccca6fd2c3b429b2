// Sixteen floats in a zmm register.

using Vec = __m512;

constexpr int kLanes = 16;
// 6 rows by 4 tiles: 24 accumulators, 4 weights and 1 activation of the 32 registers. Ten loads for
// 24 products.
constexpr int kFloatTiles = 4;
constexpr int kFloatSums = 24;
constexpr int kFloatStreamRows = 8;
// 6 rows by 4 vectors, as above.
constexpr int kAttentionRows = 6;
constexpr int kAttentionSums = 24;

inline __mmask16 first_lanes(int count) { return static_cast<__mmask16>((1U << count) - 1U); }

inline Vec splat(float value) { return _mm512_set1_ps(value); }
inline Vec load(const void* from) { return _mm512_loadu_ps(from); }
inline Vec load_first(const void* from, int count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), from);
}
inline void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
inline void store_first(float* to, Vec v, int count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), v);
}

inline Vec load_bf16(const void* from) {
  const __m256i bits = _mm256_loadu_si256(static_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline Vec load_f16(const void* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
}

inline Vec load_i8(const void* from) {
  const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(from));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

// Where either is NaN: b.
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }

// The sum of the lanes: halves first, then neighbours, then quarters.
inline float reduce_add(Vec v) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m256 pairs = _mm256_hadd_ps(half, half);
  const __m256 quads = _mm256_hadd_ps(pairs, pairs);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}

inline float reduce_max(Vec v) {
  const __m256 halves = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 quads = _mm_max_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
  const __m128 pairs = _mm_max_ps(quads, _mm_movehl_ps(quads, quads));
  return _mm_cvtss_f32(_mm_max_ss(pairs, _mm_movehdup_ps(pairs)));
}

// v * 2^n for integral n.
inline Vec scale_by_power_of_2(Vec v, Vec n) { return _mm512_scalef_ps(v, n); }

// Bit i tells of lane i.
inline unsigned nan_lanes(Vec v) { return _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q); }
inline unsigned equal_lanes(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }

inline __m512i load_512(const void* from) { return _mm512_loadu_si512(from); }

// The low four bits of each byte, or the high ones.
inline __m512i load_4_bits(const void* from, int part) {
  const __m512i bytes = load_512(from);
  return _mm512_and_si512(part == 0 ? bytes : _mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
}

// 32 integral floats of small magnitude as signed bytes, in order.
inline void store_bytes(const Vec* v, std::byte* to) {
  for (int i = 0; i < 2; ++i) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i),
                     _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v[i])));
  }
}
