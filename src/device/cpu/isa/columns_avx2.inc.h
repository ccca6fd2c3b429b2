// 16 bytes of eight rows, turned into columns of 4 bytes: a lane for each row.

constexpr int kColumns = 4;  // whatever the width: the next bytes are the next columns
using Column = __m256i;

// Of rows j and j + 4.
inline __m256i load_halves(const std::byte* const* rows, int j, std::int64_t offset) {
  const auto part = [&](int row) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset));
  };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(part(j)), part(j + 4), 1);
}

// A third of the transposition is done by the loads.
inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            Column (&columns)[kColumns]) {
  const __m256i v0 = load_halves(rows, 0, offset);
  const __m256i v1 = load_halves(rows, 1, offset);
  const __m256i v2 = load_halves(rows, 2, offset);
  const __m256i v3 = load_halves(rows, 3, offset);
  const __m256i low01 = _mm256_unpacklo_epi32(v0, v1);
  const __m256i high01 = _mm256_unpackhi_epi32(v0, v1);
  const __m256i low23 = _mm256_unpacklo_epi32(v2, v3);
  const __m256i high23 = _mm256_unpackhi_epi32(v2, v3);
  columns[0] = _mm256_unpacklo_epi64(low01, low23);
  columns[1] = _mm256_unpackhi_epi64(low01, low23);
  columns[2] = _mm256_unpacklo_epi64(high01, high23);
  columns[3] = _mm256_unpackhi_epi64(high01, high23);
}

// The elements in each lane of a column as floats.
inline void widen_column(F32, Column column, Vec (&floats)[1]) {
  floats[0] = _mm256_castsi256_ps(column);
}
inline void widen_column(Bf16, Column column, Vec (&floats)[2]) {
  floats[0] = _mm256_castsi256_ps(_mm256_slli_epi32(column, 16));
  floats[1] = _mm256_castsi256_ps(_mm256_and_si256(column, _mm256_set1_epi32(~0xffff)));
}
inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  const __m256i first = _mm256_and_si256(column, _mm256_set1_epi32(0xffff));
  // [first 0-3, second 0-3, first 4-7, second 4-7], then the quarters in order
  const __m256i packed = _mm256_packus_epi32(first, _mm256_srli_epi32(column, 16));
  const __m256i halves = _mm256_permute4x64_epi64(packed, 0b11'01'10'00);
  floats[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  floats[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}
