// Packed weights on AVX-512 VNNI: one instruction multiplies four unsigned codes with four signed
// activations and adds them to each 32-bit lane, exactly.

inline __m512i load_512(const void* from) { return _mm512_loadu_si512(from); }
inline __m512i broadcast_4(const std::byte* from) {
  std::int32_t bits = 0;
  __builtin_memcpy(&bits, from, sizeof bits);
  return _mm512_set1_epi32(bits);
}

// What both formats share: activations are signed bytes in order.
struct VnniPanel {
  // 12 sums cover a latency of 5 cycles at two instructions a cycle.
  static constexpr int kRows = 6;
  static constexpr int kPanels = 2;
  static constexpr int kFlushInputs = 0;
  using Sums = __m512i;
  using Codes = __m512i;

  static __m512i broadcast(const std::byte* from) { return broadcast_4(from); }
  static Sums add(Sums sums, Codes w, __m512i x) { return _mm512_dpbusd_epi32(sums, w, x); }
  static Sums start(std::int32_t n) { return _mm512_set1_epi32(n); }
  static Vec to_float(Sums sums) { return _mm512_cvtepi32_ps(sums); }
  static void store_values(const Vec* v, std::byte* to) {
    for (int i = 0; i < 2; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i),
                       _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v[i])));
    }
  }
};

struct Int8Panel : VnniPanel {
  static constexpr int kInputs = 4;
  static constexpr int kParts = 1;
  static constexpr int kZero = 128;

  static Codes load(const std::uint8_t* from, int) { return load_512(from); }
};

struct Int4Panel : VnniPanel {
  static constexpr int kInputs = 8;
  static constexpr int kParts = 2;
  static constexpr int kZero = 8;

  static Codes load(const std::uint8_t* from, int part) {
    const __m512i bytes = load_512(from);
    return _mm512_and_si512(part == 0 ? bytes : _mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
  }
};
