// What tile_columns.inc.h needs of sixteen lanes of 4 bytes.

using Column = __m512i;

// 16 bytes of rows j, j + 4, j + 8 and j + 12.
inline Column load_rows(const std::byte* const* rows, int j, std::int64_t offset) {
  const auto part = [&](int row) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset));
  };
  const __m512i first = _mm512_castsi128_si512(part(j));
  const __m512i two = _mm512_inserti32x4(first, part(j + 4), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(two, part(j + 8), 2), part(j + 12), 3);
}

inline Column low_lanes(Column a, Column b) { return _mm512_unpacklo_epi32(a, b); }
inline Column high_lanes(Column a, Column b) { return _mm512_unpackhi_epi32(a, b); }
inline Column low_pairs(Column a, Column b) { return _mm512_unpacklo_epi64(a, b); }
inline Column high_pairs(Column a, Column b) { return _mm512_unpackhi_epi64(a, b); }

inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  floats[0] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(column));
  floats[1] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(column, 16)));
}
