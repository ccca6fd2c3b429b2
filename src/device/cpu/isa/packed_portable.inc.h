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
  static constexpr int kInputs = kFormatInputs;
  static constexpr int kFlushInputs = 0;
  static constexpr int kValueBytes = 4;
  static constexpr int kZero = kFormatZero;
  using Sums = Vec;
  struct Codes {
    Vec of[kInputs];
  };
  struct Values {
    float of[kInputs];
  };

  static Codes load(const std::uint8_t* from) {
    const UintVec bytes = load_u32(from);
    Codes codes;
    for (int k = 0; k < kInputs; ++k) {
      // The byte k modulo 4 of each lane, and there the low bits or the high ones.
      const std::uint32_t shift = static_cast<std::uint32_t>(8 * (k % 4) + 4 * (k / 4));
      const UintVec code = (bytes >> shift) & ((1U << kCodeBits) - 1U);
      codes.of[k] = __builtin_convertvector(reinterpret_cast<IntVec>(code), Vec);
    }
    return codes;
  }
  static Values broadcast(const std::byte* from) {
    Values values;
    __builtin_memcpy(&values, from, sizeof values);
    return values;
  }
  static Sums start(std::int32_t n) { return splat(static_cast<float>(n)); }
  static Sums add(Sums sums, const Codes& w, const Values& x) {
    for (int k = 0; k < kInputs; ++k) sums = sums + w.of[k] * splat(x.of[k]);
    return sums;
  }
  static Vec to_float(Sums sums) { return sums; }
  static void store_values(const Vec* v, std::byte* to) {
    for (int i = 0; i < 32 / kLanes; ++i) {
      store(reinterpret_cast<float*>(to) + i * kLanes, v[i]);
    }
  }
};

using Int8Panel = FloatPanel<4, 8, 128>;
using Int4Panel = FloatPanel<8, 4, 8>;
