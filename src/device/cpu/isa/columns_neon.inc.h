// 16 bytes of four rows, turned into columns of 4 bytes: a lane for each row.

constexpr int kColumns = 4;  // whatever the width: the next bytes are the next columns
using Column = uint32x4_t;

inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            Column (&columns)[kColumns]) {
  uint32x4_t v[kLanes];
  for (int r = 0; r < kLanes; ++r) __builtin_memcpy(&v[r], rows[r] + offset, sizeof v[r]);
  const auto pairs = [](uint32x4_t a) { return vreinterpretq_u64_u32(a); };
  const uint64x2_t even01 = pairs(vtrn1q_u32(v[0], v[1]));
  const uint64x2_t odd01 = pairs(vtrn2q_u32(v[0], v[1]));
  const uint64x2_t even23 = pairs(vtrn1q_u32(v[2], v[3]));
  const uint64x2_t odd23 = pairs(vtrn2q_u32(v[2], v[3]));
  columns[0] = vreinterpretq_u32_u64(vtrn1q_u64(even01, even23));
  columns[1] = vreinterpretq_u32_u64(vtrn1q_u64(odd01, odd23));
  columns[2] = vreinterpretq_u32_u64(vtrn2q_u64(even01, even23));
  columns[3] = vreinterpretq_u32_u64(vtrn2q_u64(odd01, odd23));
}

// The elements in each lane of a column as floats.
inline void widen_column(F32, Column column, Vec (&floats)[1]) {
  floats[0] = vreinterpretq_f32_u32(column);
}
inline void widen_column(Bf16, Column column, Vec (&floats)[2]) {
  floats[0] = vreinterpretq_f32_u32(vshlq_n_u32(column, 16));
  floats[1] = vreinterpretq_f32_u32(vandq_u32(column, vdupq_n_u32(0xffff0000U)));
}
inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  floats[0] = vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(column)));
  floats[1] = vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(column, 16)));
}
