// Four floats in a register of AArch64, whose baseline has fused multiply-add and half conversion.

using Vec = float32x4_t;

constexpr int kLanes = 4;
// 6 rows of one tile, 4 vectors: 24 accumulators, 4 weights and 1 activation of the 32 registers.
constexpr int kFloatTiles = 1;
constexpr int kFloatSums = 24;
constexpr int kFloatStreamRows = 4;
// A panel of keys is 4 vectors: the same 24 accumulators.
constexpr int kAttentionRows = 6;
constexpr int kAttentionSums = 12;

inline Vec splat(float value) { return vdupq_n_f32(value); }

// By copies: a checkpoint's elements may have any alignment.
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
inline void store(float* to, Vec v) { vst1q_f32(to, v); }
inline void store_first(float* to, Vec v, int count) {
  __builtin_memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(float));
}

inline Vec load_bf16(const void* from) {
  uint16x4_t bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
}
inline Vec load_f16(const void* from) {
  uint16x4_t bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  return vcvt_f32_f16(vreinterpret_f16_u16(bits));
}

inline Vec load_i8(const void* from) {
  std::int32_t bytes = 0;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(bytes)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }

// Where either is NaN: b.
inline Vec max(Vec a, Vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Vec min(Vec a, Vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }

// The sum of the lanes: neighbours first.
inline float reduce_add(Vec v) { return vaddvq_f32(v); }

inline float reduce_max(Vec v) { return vmaxvq_f32(v); }

// v * 2^n for integral n in [-150, 128]: in two steps, since 2^n alone may not be a normal float.
inline Vec scale_by_power_of_2(Vec v, Vec n) {
  const int32x4_t bias = vdupq_n_s32(127);
  const int32x4_t whole = vcvtq_s32_f32(n);
  const int32x4_t half = vshrq_n_s32(whole, 1);
  const int32x4_t rest = vsubq_s32(whole, half);
  const Vec first = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
  const Vec second = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23));
  return v * first * second;
}

// Bit i tells of lane i.
inline unsigned mask_bits(uint32x4_t mask) {
  const uint32x4_t bit = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(mask, bit));
}
inline unsigned nan_lanes(Vec v) { return mask_bits(vmvnq_u32(vceqq_f32(v, v))); }
inline unsigned equal_lanes(Vec a, Vec b) { return mask_bits(vceqq_f32(a, b)); }

// The low halves of bytes, or the high ones.
inline int8x16_t load_4_bits(const std::uint8_t* from, int part) {
  const uint8x16_t bytes = vld1q_u8(from);
  return vreinterpretq_s8_u8(part == 0 ? vandq_u8(bytes, vdupq_n_u8(15)) : vshrq_n_u8(bytes, 4));
}

// 32 integral floats of small magnitude as bytes, in order.
inline void store_bytes(const Vec* v, std::byte* to) {
  for (int i = 0; i < 32 / kLanes; i += 2) {
    const int16x8_t narrow =
        vcombine_s16(vmovn_s32(vcvtq_s32_f32(v[i])), vmovn_s32(vcvtq_s32_f32(v[i + 1])));
    const int8x8_t bytes = vmovn_s16(narrow);
    __builtin_memcpy(to + i * kLanes, &bytes, sizeof bytes);
  }
}
