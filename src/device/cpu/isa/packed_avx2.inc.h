// Packed weights on AVX2, which multiplies signed 16-bit pairs exactly, and bytes only as long as
// two products fit in 16 bits.

inline __m256i load_256(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// 32 integral floats of small magnitude as 16-bit integers, in order.
inline void to_i16(const Vec* v, __m256i* halves) {
  for (int i = 0; i < 2; ++i) {
    const __m256i packed =
        _mm256_packs_epi32(_mm256_cvtps_epi32(v[2 * i]), _mm256_cvtps_epi32(v[2 * i + 1]));
    halves[i] = _mm256_permute4x64_epi64(packed, 0b11011000);
  }
}

// What both formats share.
struct PairPanel {
  // 8 sums, 2 vectors of weights, one of activations, the mask and a product of 16 registers.
  static constexpr int kRows = 4;
  static constexpr int kPanels = 1;
  static constexpr int kRowPanels = 4;
  static constexpr int kParts = 2;
  using Sums = __m256i;
  using Codes = __m256i;

  static __m256i broadcast(std::int32_t bits) { return _mm256_set1_epi32(bits); }
  static Sums start(std::int32_t n) { return _mm256_set1_epi32(n); }
  static Vec to_float(Sums sums) { return _mm256_cvtepi32_ps(sums); }
};

// 255 * 127 twice is too much for 16 bits, so that codes are widened: the even bytes of each four
// make one vector of pairs, the odd ones another, and activations are stored in that order.
struct Int8Panel : PairPanel {
  static constexpr int kInputs = 4;
  static constexpr int kFlushInputs = 0;
  static constexpr int kZero = 128;

  static Codes load(const std::uint8_t* from, int part) {
    const __m256i bytes = load_256(from);
    return part == 0 ? _mm256_and_si256(bytes, _mm256_set1_epi16(0xff))
                     : _mm256_srli_epi16(bytes, 8);
  }
  static Sums add(Sums sums, Codes w, __m256i x) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(w, x));
  }
  static void store_values(const Vec* v, std::byte* to) {
    __m256i halves[2];
    to_i16(v, halves);
    const __m256i even_then_odd =
        _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15,  //
                         0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    for (int i = 0; i < 2; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32 * i),
                          _mm256_shuffle_epi8(halves[i], even_then_odd));
    }
  }
};

// 15 * 127 fits: eight of these products of two, or 32 inputs, add up to at most 30,480.
struct Int4Panel : PairPanel {
  static constexpr int kInputs = 8;
  static constexpr int kFlushInputs = 32;
  static constexpr int kZero = 8;
  using Narrow = __m256i;

  static Codes load(const std::uint8_t* from, int part) {
    const __m256i bytes = load_256(from);
    return _mm256_and_si256(part == 0 ? bytes : _mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  }
  static Narrow add(Narrow sums, Codes w, __m256i x) {
    return _mm256_add_epi16(sums, _mm256_maddubs_epi16(w, x));
  }
  static Sums flush(Sums sums, Narrow narrow) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(narrow, _mm256_set1_epi16(1)));
  }
  static void store_values(const Vec* v, std::byte* to) {
    __m256i halves[2];
    to_i16(v, halves);
    const __m256i packed = _mm256_packs_epi16(halves[0], halves[1]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_permute4x64_epi64(packed, 0b11011000));
  }
};
