// Features of a weight into columns, on the Column of the including file.

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
