// 16 bytes of four rows, turned into columns of 4 bytes: a lane for each row.

constexpr int kColumns = 4;  // whatever the width: the next bytes are the next columns
typedef std::uint32_t Column __attribute__((vector_size(16)));

inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            Column (&columns)[kColumns]) {
  std::uint32_t lanes[kLanes][kColumns];
  for (int r = 0; r < kLanes; ++r) __builtin_memcpy(lanes[r], rows[r] + offset, sizeof lanes[r]);
  for (int c = 0; c < kColumns; ++c) {
    columns[c] = Column{lanes[0][c], lanes[1][c], lanes[2][c], lanes[3][c]};
  }
}

// The elements in each lane of a column as floats. The first is in the low bits.
inline void widen_column(F32, Column column, Vec (&floats)[1]) {
  floats[0] = reinterpret_cast<Vec>(column);
}
inline void widen_column(Bf16, Column column, Vec (&floats)[2]) {
  floats[0] = reinterpret_cast<Vec>(column << 16);
  floats[1] = reinterpret_cast<Vec>(column & 0xffff0000U);
}
inline void widen_column(F16, Column column, Vec (&floats)[2]) {
  const auto half = [&](int lane, int shift) {
    return f16_to_f32(static_cast<std::uint16_t>(column[lane] >> shift));
  };
  floats[0] = Vec{half(0, 0), half(1, 0), half(2, 0), half(3, 0)};
  floats[1] = Vec{half(0, 16), half(1, 16), half(2, 16), half(3, 16)};
}
