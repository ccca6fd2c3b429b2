// 16 bytes of sixteen rows, turned into columns of 4 bytes: a lane for each row.

constexpr int kColumns = 4;  // whatever the width: the next bytes are the next columns
using Column = __m512i;

// Of rows j, j + 4, j + 8 and j + 12.
inline __m512i load_quarters(const std::byte* const* rows, int j, std::int64_t offset) {
  const auto part = [&](int row) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset));
  };
  const __m512i first = _mm512_castsi128_si512(part(j));
  const __m512i two = _mm512_inserti32x4(first, part(j + 4), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(two, part(j + 8), 2), part(j + 12), 3);
}

// Half of the transposition is done by the loads.
inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            Column (&columns)[kColumns]) {
  const __m512i v0 = load_quarters(rows, 0, offset);
  const __m512i v1 = load_quarters(rows, 1, offset);
  const __m512i v2 = load_quarters(rows, 2, offset);
  const __m512i v3 = load_quarters(rows, 3, offset);
  const __m512i low01 = _mm512_unpacklo_epi32(v0, v1);
  const __m512i high01 = _mm512_unpackhi_epi32(v0, v1);
  const __m512i low23 = _mm512_unpacklo_epi32(v2, v3);
  const __m512i high23 = _mm512_unpackhi_epi32(v2, v3);
  columns[0] = _mm512_unpacklo_epi64(low01, low23);
  columns[1] = _mm512_unpackhi_epi64(low01, low23);
  columns[2] = _mm512_unpacklo_epi64(high01, high23);
  columns[3] = _mm512_unpackhi_epi64(high01, high23);
}

// The elements in each lane of a column as floats.
inline void widen_column(F32, Column column, Vec (&floats)[1]) {
  floats[0] = _mm512_castsi512_ps(column);
}
inline void widen_column(Bf16, Column column, Vec (&floats)[2]) {
  floats[0] = _mm512_castsi512_ps(_mm512_slli_epi32(column, 16));
  floats[1] = _mm512_castsi512_ps(_mm512_and_si512(column, _mm512_set1_epi32(~0xffff)));
}
inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  floats[0] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(column));
  floats[1] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(column, 16)));
}
