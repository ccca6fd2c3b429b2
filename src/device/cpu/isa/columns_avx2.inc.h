// What tile_columns.inc.h needs of eight lanes of 4 bytes.

using Column = __m256i;

// 16 bytes of rows j and j + 4.
inline Column load_rows(const std::byte* const* rows, int j, std::int64_t offset) {
  const auto part = [&](int row) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset));
  };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(part(j)), part(j + 4), 1);
}

inline Column low_lanes(Column a, Column b) { return _mm256_unpacklo_epi32(a, b); }
inline Column high_lanes(Column a, Column b) { return _mm256_unpackhi_epi32(a, b); }
inline Column low_pairs(Column a, Column b) { return _mm256_unpacklo_epi64(a, b); }
inline Column high_pairs(Column a, Column b) { return _mm256_unpackhi_epi64(a, b); }

inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  const __m256i first = _mm256_and_si256(column, _mm256_set1_epi32(0xffff));
  // [first 0-3, second 0-3, first 4-7, second 4-7], then the quarters in order
  const __m256i packed = _mm256_packus_epi32(first, _mm256_srli_epi32(column, 16));
  const __m256i halves = _mm256_permute4x64_epi64(packed, 0b11'01'10'00);
  floats[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  floats[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}
