// Four floats as the compiler's own vectors, on any processor. No fused multiply-add: without the
// instruction it would be a library call.

typedef float Vec __attribute__((vector_size(16)));
typedef std::int32_t IntVec __attribute__((vector_size(16)));

constexpr int kLanes = 4;
// 2 rows of one tile, 4 vectors.
constexpr int kFloatTiles = 1;
constexpr int kFloatSums = 8;
constexpr int kFloatStreamRows = 2;
constexpr int kAttentionRows = 2;
constexpr int kAttentionSums = 4;

inline Vec splat(float value) { return Vec{value, value, value, value}; }

inline Vec load(const void* from) {
  Vec v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline Vec load_first(const void* from, int count) {
  Vec v = {};
  __builtin_memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(float));
  return v;
}

inline void store(float* to, Vec v) { __builtin_memcpy(to, &v, sizeof v); }

inline void store_first(float* to, Vec v, int count) {
  __builtin_memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(float));
}

inline Vec load_bf16(const void* from) {
  std::uint16_t bits[4];
  __builtin_memcpy(bits, from, sizeof bits);
  const IntVec wide = {bits[0], bits[1], bits[2], bits[3]};
  return reinterpret_cast<Vec>(wide << 16);
}

inline float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t magnitude = bits & 0x7fffU;
  if (magnitude >= 0x7c00U) {  // infinity, NaN
    return __builtin_bit_cast(float, sign | 0x7f800000U | ((magnitude & 0x3ffU) << 13));
  }
  if (magnitude < 0x400U) {  // zero, subnormal
    const float value = static_cast<float>(magnitude) * 0x1p-24F;
    return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, value));
  }
  return __builtin_bit_cast(float, sign | ((magnitude << 13) + 0x38000000U));
}

inline Vec load_f16(const void* from) {
  std::uint16_t bits[4];
  __builtin_memcpy(bits, from, sizeof bits);
  return Vec{f16_to_f32(bits[0]), f16_to_f32(bits[1]), f16_to_f32(bits[2]), f16_to_f32(bits[3])};
}

inline Vec load_i8(const void* from) {
  std::int8_t bytes[4];
  __builtin_memcpy(bytes, from, sizeof bytes);
  return __builtin_convertvector((IntVec{bytes[0], bytes[1], bytes[2], bytes[3]}), Vec);
}

inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }

// Where either is NaN: b.
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }

// The sum of the lanes: neighbours first.
inline float reduce_add(Vec v) { return (v[0] + v[1]) + (v[2] + v[3]); }

inline float reduce_max(Vec v) {
  float best = v[0];
  for (int i = 1; i < kLanes; ++i) best = v[i] > best ? v[i] : best;
  return best;
}

// v * 2^n for integral n in [-150, 128]: in two steps, since 2^n alone may not be a normal float.
inline Vec scale_by_power_of_2(Vec v, Vec n) {
  const IntVec whole = __builtin_convertvector(n, IntVec);
  const IntVec half = whole >> 1;
  const Vec first = reinterpret_cast<Vec>((half + 127) << 23);
  const Vec second = reinterpret_cast<Vec>((whole - half + 127) << 23);
  return v * first * second;
}

// Bit i tells of lane i.
inline unsigned mask_bits(IntVec mask) {
  unsigned bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= mask[i] != 0 ? 1U << i : 0U;
  return bits;
}
inline unsigned nan_lanes(Vec v) {
  return mask_bits(v != v);  // NOLINT(misc-redundant-expression): a NaN differs from itself
}
inline unsigned equal_lanes(Vec a, Vec b) { return mask_bits(a == b); }
