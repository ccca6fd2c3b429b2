// Packed weights on the baseline of AArch64, which multiplies signed bytes to 16 bits and adds
// neighbouring products to 32. Of a part's four inputs a register then holds two sums.

inline int8x16_t load_s8(const std::uint8_t* from) { return vreinterpretq_s8_u8(vld1q_u8(from)); }

template <class Half>
struct Halves {
  Half low, high;  // of the features 0, 0, 1, 1 and 2, 2, 3, 3; of 16 bits each twice
};
template <class Half>
inline void keep_order(Halves<Half>& sums) {
  asm("" : "+w"(sums.low), "+w"(sums.high));
}

// What both formats share: activations are signed bytes in order, sums come in halves.
struct NeonPanel {
  // 2 rows of 4 vectors in halves: 16 sums.
  static constexpr int kRows = 2;
  static constexpr int kPanels = 1;
  static constexpr int kRowPanels = 1;
  using Sums = Halves<int32x4_t>;
  using Narrow = Halves<int16x8_t>;
  using Codes = int8x16_t;

  static int8x8_t broadcast(std::int32_t bits) { return vreinterpret_s8_s32(vdup_n_s32(bits)); }
  static Sums start(std::int32_t n) {
    const int32x4_t once = {n, 0, n, 0};
    return {once, once};
  }
  static Vec to_float(const Sums& sums) { return vcvtq_f32_s32(vpaddq_s32(sums.low, sums.high)); }
  static void store_values(const Vec* v, std::byte* to) { store_bytes(v, to); }
};

// With the highest bit turned a code is its distance from the zero, which is signed.
struct Int8Panel : NeonPanel {
  static constexpr int kInputs = 4;
  static constexpr int kParts = 1;
  static constexpr int kFlushInputs = 0;
  static constexpr int kZero = 0;

  static Codes load(const std::uint8_t* from, int) {
    return veorq_s8(load_s8(from), vdupq_n_s8(-128));
  }
  static Sums add(const Sums& sums, Codes w, int8x8_t x) {
    return {vpadalq_s16(sums.low, vmull_s8(vget_low_s8(w), x)),
            vpadalq_s16(sums.high, vmull_s8(vget_high_s8(w), x))};
  }
};

// 15 * 127 fits in 16 bits 17 times; of 32 inputs each lane adds up 8.
struct Int4Panel : NeonPanel {
  static constexpr int kInputs = 8;
  static constexpr int kParts = 2;
  static constexpr int kFlushInputs = 32;
  static constexpr int kZero = 8;

  static Codes load(const std::uint8_t* from, int part) { return load_4_bits(from, part); }
  static Narrow add(const Narrow& sums, Codes w, int8x8_t x) {
    return {vmlal_s8(sums.low, vget_low_s8(w), x), vmlal_s8(sums.high, vget_high_s8(w), x)};
  }
  static Sums flush(const Sums& sums, const Narrow& narrow) {
    return {vpadalq_s16(sums.low, narrow.low), vpadalq_s16(sums.high, narrow.high)};
  }
};
