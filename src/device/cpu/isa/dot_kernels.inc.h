// Dot products of activation rows and weight rows, on the Vec of the including file.

// How a weight's elements become floats.
struct F32 {
  static constexpr std::size_t kBytes = 4;
  static Vec load_all(const std::byte* from) { return load(from); }
  static Vec load_some(const std::byte* from, int count) { return load_first(from, count); }
};

// Two-byte types have no masked load before AVX-512BW: their tails go through the stack.
template <Vec (*kLoad)(const void*)>
struct Half {
  static constexpr std::size_t kBytes = 2;
  static Vec load_all(const std::byte* from) { return kLoad(from); }
  static Vec load_some(const std::byte* from, int count) {
    std::uint16_t bits[kLanes] = {};
    __builtin_memcpy(bits, from, static_cast<std::size_t>(count) * kBytes);
    return kLoad(bits);
  }
};
using Bf16 = Half<load_bf16>;
using F16 = Half<load_f16>;

// Elements of two bytes are multiplied where the checkpoint has them; floats mostly in cache.
template <class Weight>
constexpr bool kStreamed = Weight::kBytes == 2;
constexpr std::int64_t kLineElements = 32;  // of two bytes in a cache line

template <int kCount>
inline void reduce(const Vec* vectors, float* to) {
  const Vec zero = splat(0.0F);
  float padded[(kCount + 3) / 4 * 4];
  for (int i = 0; i < kCount; i += 4) {
    reduce4(vectors[i], i + 1 < kCount ? vectors[i + 1] : zero,
            i + 2 < kCount ? vectors[i + 2] : zero, i + 3 < kCount ? vectors[i + 3] : zero,
            padded + i);
  }
  __builtin_memcpy(to, padded, kCount * sizeof(float));
}

// sums[r * kCols + c] = dot(x_r, w_c) over at most kDotBlock elements.
template <class Weight, int kRows, int kCols>
inline void dot_tile(const float* x, std::int64_t x_stride, const std::byte* w,
                     std::size_t w_stride, std::int64_t k, float* sums) {
  Vec lanes[kRows * kCols];
  for (Vec& lane : lanes) lane = splat(0.0F);
  std::int64_t i = 0;
  // A loop of 64 turns ends in a mispredicted branch, one of 16 does not.
#pragma GCC unroll 4
  for (; i + kLanes <= k; i += kLanes) {
    // The next columns' weights come from memory while these are used: rows are too short for the
    // processor to see a stream in them. An address past the end is harmless.
    if (kStreamed<Weight> && i % kLineElements == 0) {
      for (int c = 0; c < kCols; ++c) {
        __builtin_prefetch(w + static_cast<std::size_t>(c + kCols) * w_stride +
                           static_cast<std::size_t>(i) * Weight::kBytes);
      }
    }
    Vec weights[kCols];
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) {
      const auto column = static_cast<std::size_t>(c) * w_stride;
      weights[c] = Weight::load_all(w + column + static_cast<std::size_t>(i) * Weight::kBytes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec row = load(x + r * x_stride + i);
#pragma GCC unroll 8
      for (int c = 0; c < kCols; ++c) {
        lanes[r * kCols + c] = fma(row, weights[c], lanes[r * kCols + c]);
      }
    }
  }
  if (i < k) {
    const int rest = static_cast<int>(k - i);
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) {
      const auto column = static_cast<std::size_t>(c) * w_stride;
      const Vec weight =
          Weight::load_some(w + column + static_cast<std::size_t>(i) * Weight::kBytes, rest);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Vec row = load_first(x + r * x_stride + i, rest);
        lanes[r * kCols + c] = fma(row, weight, lanes[r * kCols + c]);
      }
    }
  }
  reduce<kRows * kCols>(lanes, sums);
}

template <class Weight, int kRows, int kCols>
inline void dot_blocks(const DotArgs& args, std::int64_t row, std::int64_t col) {
  const float* const x = args.x + row * args.x_stride;
  const std::byte* const w = args.w + static_cast<std::size_t>(col) * args.w_stride_bytes;
  float* const sums = args.sums + row * args.sums_stride + col;
  bool accumulate = args.accumulate;
  for (std::int64_t k = 0; k < args.k || k == 0; k += kDotBlock) {
    const std::int64_t extent = args.k - k < kDotBlock ? args.k - k : kDotBlock;
    float partial[kRows * kCols];
    dot_tile<Weight, kRows, kCols>(x + k, args.x_stride,
                                   w + static_cast<std::size_t>(k) * Weight::kBytes,
                                   args.w_stride_bytes, extent, partial);
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kCols; ++c) {
        float& sum = sums[r * args.sums_stride + c];
        sum = accumulate ? sum + partial[r * kCols + c] : partial[r * kCols + c];
      }
    }
    accumulate = true;
  }
}

template <class Weight, int kRows>
void dot_strip(const DotArgs& args, std::int64_t row, std::int64_t begin, std::int64_t end) {
  std::int64_t col = begin;
  for (; col + kTileCols <= end; col += kTileCols) {
    dot_blocks<Weight, kRows, kTileCols>(args, row, col);
  }
  for (; col < end; ++col) dot_blocks<Weight, kRows, 1>(args, row, col);
}

// Columns whose blocks stay in the first-level cache beside one strip of rows.
constexpr std::int64_t kCachedCols = 2 * kTileCols;

template <class Weight>
void dot(const DotArgs& args) {
  for (std::int64_t begin = 0; begin < args.cols; begin += kCachedCols) {
    const std::int64_t end = begin + kCachedCols < args.cols ? begin + kCachedCols : args.cols;
    std::int64_t row = 0;
    for (; row + kTileRows <= args.rows; row += kTileRows) {
      dot_strip<Weight, kTileRows>(args, row, begin, end);
    }
    for (; row + 2 <= args.rows; row += 2) dot_strip<Weight, 2>(args, row, begin, end);
    for (; row < args.rows; ++row) dot_strip<Weight, 1>(args, row, begin, end);
  }
}

template <class Weight>
void widen(const std::byte* from, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(to + i, Weight::load_all(from + static_cast<std::size_t>(i) * Weight::kBytes));
  }
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    store_first(to + i,
                Weight::load_some(from + static_cast<std::size_t>(i) * Weight::kBytes, rest), rest);
  }
}
