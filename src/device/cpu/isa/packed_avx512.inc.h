// Packed weights on AVX-512 BW without VNNI: the arithmetic of packed_avx2.inc.h, twice as wide. A
// panel is one register.

// What both formats share.
struct PairPanel {
  static constexpr int kRows = 6;
  static constexpr int kPanels = 2;
  static constexpr int kRowPanels = 4;
  static constexpr int kParts = 2;
  using Sums = __m512i;
  using Codes = __m512i;

  static __m512i broadcast(std::int32_t bits) { return _mm512_set1_epi32(bits); }
  static Sums start(std::int32_t n) { return _mm512_set1_epi32(n); }
  static Vec to_float(Sums sums) { return _mm512_cvtepi32_ps(sums); }
};

struct Int8Panel : PairPanel {
  static constexpr int kInputs = 4;
  static constexpr int kFlushInputs = 0;
  static constexpr int kZero = 128;

  static Codes load(const std::uint8_t* from, int part) {
    const __m512i bytes = load_512(from);
    return part == 0 ? _mm512_and_si512(bytes, _mm512_set1_epi16(0xff))
                     : _mm512_srli_epi16(bytes, 8);
  }
  static Sums add(Sums sums, Codes w, __m512i x) {
    return _mm512_add_epi32(sums, _mm512_madd_epi16(w, x));
  }
  // Of four activations the even ones first, then the odd ones.
  static void store_values(const Vec* v, std::byte* to) {
    for (int i = 0; i < 2; ++i) {
      const __m512i wide =
          _mm512_shuffle_epi32(_mm512_cvtps_epi32(v[i]), static_cast<_MM_PERM_ENUM>(0b11011000));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32 * i), _mm512_cvtepi32_epi16(wide));
    }
  }
};

struct Int4Panel : PairPanel {
  static constexpr int kInputs = 8;
  static constexpr int kFlushInputs = 32;
  static constexpr int kZero = 8;
  using Narrow = __m512i;

  static Codes load(const std::uint8_t* from, int part) { return load_4_bits(from, part); }
  static Narrow add(Narrow sums, Codes w, __m512i x) {
    return _mm512_add_epi16(sums, _mm512_maddubs_epi16(w, x));
  }
  static Sums flush(Sums sums, Narrow narrow) {
    return _mm512_add_epi32(sums, _mm512_madd_epi16(narrow, _mm512_set1_epi16(1)));
  }
  static void store_values(const Vec* v, std::byte* to) { store_bytes(v, to); }
};
