// Packed weights on AArch64 with dot products: one instruction multiplies four signed codes with
// four signed activations and adds them to each 32-bit lane, exactly.

// What both formats share: activations are signed bytes in order.
struct DotPanel {
  // 24 sums, 4 vectors of weights and 1 of activations of the 32 registers.
  static constexpr int kRows = 6;
  static constexpr int kPanels = 1;
  static constexpr int kRowPanels = 2;
  static constexpr int kFlushInputs = 0;
  using Sums = int32x4_t;
  using Codes = int8x16_t;

  static int8x16_t broadcast(std::int32_t bits) { return vreinterpretq_s8_s32(vdupq_n_s32(bits)); }
  static Sums add(Sums sums, Codes w, int8x16_t x) { return vdotq_s32(sums, w, x); }
  static Sums start(std::int32_t n) { return vdupq_n_s32(n); }
  static Vec to_float(Sums sums) { return vcvtq_f32_s32(sums); }
  static void store_values(const Vec* v, std::byte* to) { store_bytes(v, to); }
};

// With the highest bit turned a code is its distance from the zero, which is signed.
struct Int8Panel : DotPanel {
  static constexpr int kInputs = 4;
  static constexpr int kParts = 1;
  static constexpr int kZero = 0;

  static Codes load(const std::uint8_t* from, int) {
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(128)));
  }
};

struct Int4Panel : DotPanel {
  static constexpr int kInputs = 8;
  static constexpr int kParts = 2;
  static constexpr int kZero = 8;

  static Codes load(const std::uint8_t* from, int part) { return load_4_bits(from, part); }
};
