// Features of a weight into columns: vectors of 4 bytes, a lane for each feature, on the Column of
// the including file. It comes with
//
// - load_rows(rows, j, offset): 16 bytes of each fourth row from j on, as many as there is room for
// - low_lanes, high_lanes: the lower, the upper two lanes of each 16 bytes, of two vectors by turns
// - low_pairs, high_pairs: likewise lanes in pairs
// - widen_column for float16

constexpr int kColumns = 4;  // whatever the width: the next 16 bytes are the next columns

// 16 bytes of kLanes rows. Of wide vectors the loads do part of the transposition.
inline void load_transposed(const std::byte* const* rows, std::int64_t offset,
                            Column (&columns)[kColumns]) {
  const Column v0 = load_rows(rows, 0, offset);
  const Column v1 = load_rows(rows, 1, offset);
  const Column v2 = load_rows(rows, 2, offset);
  const Column v3 = load_rows(rows, 3, offset);
  const Column low01 = low_lanes(v0, v1);
  const Column high01 = high_lanes(v0, v1);
  const Column low23 = low_lanes(v2, v3);
  const Column high23 = high_lanes(v2, v3);
  columns[0] = low_pairs(low01, low23);
  columns[1] = high_pairs(low01, low23);
  columns[2] = low_pairs(high01, high23);
  columns[3] = high_pairs(high01, high23);
}

// The elements in each lane of a column as floats. The first is in the low bits.
inline void widen_column(F32, Column column, Vec (&floats)[1]) {
  floats[0] = reinterpret_cast<Vec>(column);
}
inline void widen_column(Bf16, Column column, Vec (&floats)[2]) {
  typedef std::uint32_t Bits __attribute__((vector_size(sizeof(Vec))));
  floats[0] = reinterpret_cast<Vec>(reinterpret_cast<Bits>(column) << 16);
  floats[1] = reinterpret_cast<Vec>(reinterpret_cast<Bits>(column) & 0xffff0000U);
}

template <class Weight>
constexpr int kLaneElements = 4 / Weight::kBytes;
// Inputs that are transposed at once: 16 bytes.
template <class Weight>
constexpr int kColumnInputs = kColumns* kLaneElements<Weight>;

// Inputs from i on of kLanes features, the first of them feature `first`: columns of one float or
// of two elements of two bytes.
template <class Weight>
inline void load_whole_columns(const TileDenseArgs& args, int first, std::int64_t i,
                               Column (&columns)[kColumns]) {
  load_transposed(args.features + first, args.offset + i * std::int64_t{Weight::kBytes}, columns);
}

// The last of them. What a feature lacks is zero.
template <class Weight>
inline void load_last_columns(const TileDenseArgs& args, int first, std::int64_t i,
                              Column (&columns)[kColumns]) {
  constexpr int kColumnBytes = 4 * kColumns;
  alignas(kColumnBytes) std::byte padded[kLanes][kColumnBytes] = {};
  const std::byte* rows[kLanes];
  for (int f = 0; f < kLanes; ++f) {
    if (i < args.count) {
      __builtin_memcpy(padded[f],
                       args.features[first + f] + args.offset + i * std::int64_t{Weight::kBytes},
                       static_cast<std::size_t>(args.count - i) * Weight::kBytes);
    }
    rows[f] = padded[f];
  }
  load_transposed(rows, 0, columns);
}

template <class Weight>
inline void load_columns(const TileDenseArgs& args, int first, std::int64_t i,
                         Column (&columns)[kColumns]) {
  if (i + kColumnInputs<Weight> <= args.count) {
    load_whole_columns<Weight>(args, first, i, columns);
  } else {
    load_last_columns<Weight>(args, first, i, columns);
  }
}

// Before the columns from input i on: a later cache line of each of kFeatures features, some of
// them with each part of a line. An address past the end is harmless.
template <class Weight, int kFeatures>
inline void fetch_columns(const TileDenseArgs& args, std::int64_t i) {
  constexpr std::int64_t kParts = kCacheLine / (4 * kColumns);
  constexpr int kPart = kFeatures / kParts;
  const std::int64_t from = args.offset + i * std::int64_t{Weight::kBytes};
  const std::byte* const* const features = args.features + from / (4 * kColumns) % kParts * kPart;
#pragma GCC unroll 8
  for (int f = 0; f < kPart; ++f) __builtin_prefetch(features[f] + from + args.fetch_ahead);
}
