// Packed weights on any processor, in float: a group's products and their sums are integers below
// 2^24, which floats hold exactly and multiply faster than a baseline without wide integer
// products.

typedef std::uint32_t UintVec __attribute__((vector_size(16)));

inline UintVec load_u32(const void* from) {
  UintVec v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <int kFormatInputs, int kCodeBits, int kFormatZero>
struct FloatPanel {
  static constexpr int kRows = 2;
  static constexpr int kPanels = 1;
  static constexpr int kRowPanels = 1;
  static constexpr int kInputs = kFormatInputs;
  static constexpr int kParts = kFormatInputs;
  static constexpr int kFlushInputs = 0;
  static constexpr int kZero = kFormatZero;
  using Sums = Vec;
  using Codes = Vec;

  // The byte `part` modulo 4 of each lane, and there the low bits or the high ones.
  static Codes load(const std::uint8_t* from, int part) {
    const auto shift = static_cast<std::uint32_t>(8 * (part % 4) + 4 * (part / 4));
    const UintVec codes = (load_u32(from) >> shift) & ((1U << kCodeBits) - 1U);
    return __builtin_convertvector(reinterpret_cast<IntVec>(codes), Vec);
  }
  static Vec broadcast(std::int32_t bits) { return splat(__builtin_bit_cast(float, bits)); }
  static Sums start(std::int32_t n) { return splat(static_cast<float>(n)); }
  static Sums add(Sums sums, Codes w, Vec x) { return sums + w * x; }
  static Vec to_float(Sums sums) { return sums; }
  static void store_values(const Vec* v, std::byte* to) {
    for (int i = 0; i < 32 / kLanes; ++i) {
      store(reinterpret_cast<float*>(to) + i * kLanes, v[i]);
    }
  }
};

using Int8Panel = FloatPanel<4, 8, 128>;
using Int4Panel = FloatPanel<8, 4, 8>;
