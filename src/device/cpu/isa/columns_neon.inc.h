// What tile_columns.inc.h needs of four lanes of 4 bytes.

using Column = uint32x4_t;

// 16 bytes of row j.
inline Column load_rows(const std::byte* const* rows, int j, std::int64_t offset) {
  Column v;
  __builtin_memcpy(&v, rows[j] + offset, sizeof v);
  return v;
}

inline Column low_lanes(Column a, Column b) { return vzip1q_u32(a, b); }
inline Column high_lanes(Column a, Column b) { return vzip2q_u32(a, b); }
inline Column low_pairs(Column a, Column b) {
  return vreinterpretq_u32_u64(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}
inline Column high_pairs(Column a, Column b) {
  return vreinterpretq_u32_u64(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  floats[0] = vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(column)));
  floats[1] = vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(column, 16)));
}
