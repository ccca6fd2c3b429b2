// What tiles of bfloat16 and of floats share: features into columns.

constexpr std::int64_t kTileRowBytes = 64;

// Quarter `quarter` of rows j, j + 4, j + 8 and j + 12.
inline __m512i load_quarters(const std::byte* const* rows, int j, std::int64_t offset,
                             int quarter) {
  const auto part = [&](int row) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset + quarter * 16));
  };
  const __m512i first = _mm512_castsi128_si512(part(j));
  const __m512i two = _mm512_inserti32x4(first, part(j + 4), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(two, part(j + 8), 2), part(j + 12), 3);
}

// Columns of 16 rows of 16 lanes: half of the transposition is done by the loads.
inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            __m512i (&columns)[kTileSide]) {
#pragma GCC unroll 4
  for (int quarter = 0; quarter < 4; ++quarter) {
    const __m512i v0 = load_quarters(rows, 0, offset, quarter);
    const __m512i v1 = load_quarters(rows, 1, offset, quarter);
    const __m512i v2 = load_quarters(rows, 2, offset, quarter);
    const __m512i v3 = load_quarters(rows, 3, offset, quarter);
    const __m512i low01 = _mm512_unpacklo_epi32(v0, v1);
    const __m512i high01 = _mm512_unpackhi_epi32(v0, v1);
    const __m512i low23 = _mm512_unpacklo_epi32(v2, v3);
    const __m512i high23 = _mm512_unpackhi_epi32(v2, v3);
    columns[4 * quarter] = _mm512_unpacklo_epi64(low01, low23);
    columns[4 * quarter + 1] = _mm512_unpackhi_epi64(low01, low23);
    columns[4 * quarter + 2] = _mm512_unpacklo_epi64(high01, high23);
    columns[4 * quarter + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
}

// Elements of 16 features from element i on, 64 bytes of each: columns of one float or of two
// elements of two bytes. What a feature lacks is zero.
template <class Weight>
inline void load_columns(const TileDenseArgs& args, std::int64_t i, __m512i (&columns)[kTileSide]) {
  constexpr auto kBytes = static_cast<std::int64_t>(Weight::kBytes);
  const std::int64_t from = args.offset + i * kBytes;
  if (i + kTileRowBytes / kBytes <= args.count) {
    // An address past the end is harmless.
    for (int f = 0; f < kTileSide && args.fetch_ahead > 0; ++f) {
      _mm_prefetch(args.features[f] + from + args.fetch_ahead, _MM_HINT_T0);
    }
    return load_transposed(args.features, from, columns);
  }
  alignas(64) std::byte padded[kTileSide][kTileRowBytes] = {};
  const std::byte* rows[kTileSide];
  for (int f = 0; f < kTileSide; ++f) {
    if (i < args.count) {
      __builtin_memcpy(padded[f], args.features[f] + from,
                       static_cast<std::size_t>((args.count - i) * kBytes));
    }
    rows[f] = padded[f];
  }
  load_transposed(rows, 0, columns);
}
