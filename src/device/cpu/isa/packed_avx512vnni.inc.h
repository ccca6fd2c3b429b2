// Packed weights on AVX-512 VNNI: one instruction multiplies four unsigned codes with four signed
// activations and adds them to each 32-bit lane, exactly.

// What both formats share: activations are signed bytes in order.
struct VnniPanel {
  // 14 sums of integers and 14 of floats, 2 vectors of weights and one of activations, of 32
  // registers.
  static constexpr int kRows = 7;
  static constexpr int kPanels = 2;
  static constexpr int kRowPanels = 4;
  static constexpr int kFlushInputs = 0;
  using Sums = __m512i;
  using Codes = __m512i;

  static __m512i broadcast(std::int32_t bits) { return _mm512_set1_epi32(bits); }
  static Sums add(Sums sums, Codes w, __m512i x) { return _mm512_dpbusd_epi32(sums, w, x); }
  static Sums start(std::int32_t n) { return _mm512_set1_epi32(n); }
  static Vec to_float(Sums sums) { return _mm512_cvtepi32_ps(sums); }
  static void store_values(const Vec* v, std::byte* to) { store_bytes(v, to); }
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

  static Codes load(const std::uint8_t* from, int part) { return load_4_bits(from, part); }
};
