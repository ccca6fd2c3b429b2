// What tile_columns.inc.h needs of four lanes of 4 bytes.

typedef std::uint32_t Column __attribute__((vector_size(16)));

// 16 bytes of row j.
inline Column load_rows(const std::byte* const* rows, int j, std::int64_t offset) {
  Column v;
  __builtin_memcpy(&v, rows[j] + offset, sizeof v);
  return v;
}

inline Column low_lanes(Column a, Column b) { return Column{a[0], b[0], a[1], b[1]}; }
inline Column high_lanes(Column a, Column b) { return Column{a[2], b[2], a[3], b[3]}; }
inline Column low_pairs(Column a, Column b) { return Column{a[0], a[1], b[0], b[1]}; }
inline Column high_pairs(Column a, Column b) { return Column{a[2], a[3], b[2], b[3]}; }

inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  const auto half = [&](int lane, int shift) {
    return f16_to_f32(static_cast<std::uint16_t>(column[lane] >> shift));
  };
  floats[0] = Vec{half(0, 0), half(1, 0), half(2, 0), half(3, 0)};
  floats[1] = Vec{half(0, 16), half(1, 16), half(2, 16), half(3, 16)};
}
