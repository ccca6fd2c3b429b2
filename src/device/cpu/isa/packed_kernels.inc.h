// Products of quantized weights and quantized activations, on the Vec of the including file and on
// its two formats, Int8Panel and Int4Panel. A format says
//
// - kRows, kPanels: the inner tile
// - kRowPanels: panels of one row at once, each of them a stream from the memory
// - kInputs: inputs in a step, 64 bytes of codes of one panel
// - kParts: parts of a step, multiplied one after the other: four bytes of activations each
// - kFlushInputs: inputs after which narrow sums must be added to the wide ones; 0: none are
// - kZero: the code that means zero
// - load(from, part): a vector of weights, ready to be multiplied
// - broadcast(bits): a part's activations, to all lanes
// - Sums, start(n): sums of products, one a feature; n in each
// - Narrow, add: products added to sums, or to narrow ones
// - flush: narrow sums added to wide ones
// - to_float: sums as floats, exact
// - store_values: 32 integral floats as codes, in the order of parts
//
// Inside a group sums are exact integers, so their order is free; groups are added in order.

constexpr int kPackedVecs = kPackedCols / kLanes;
constexpr int kStepBytes = kPackedCols * 4;
constexpr int kPartBytes = 4;

template <class Panel>
constexpr int kValueBytes = Panel::kParts* kPartBytes / Panel::kInputs;
constexpr int kValueBlock = 32;  // activations that are quantized at once; divides all group sizes

// Holds the compiler to the order that is written: left free, it adds products to each other first,
// and runs out of registers for them.
template <class Sums>
inline void keep_order(Sums& sums) {
#if defined(__x86_64__) && !defined(PARAPET_EMULATED_VECTORS)
  asm("" : "+v"(sums));
#elif defined(__aarch64__)
  asm("" : "+w"(sums));
#else
  (void)sums;
#endif
}

// How codes are fetched before they are used. NoFetch: the processor does it by itself.
struct NoFetch {
  void codes(const std::uint8_t* /*codes*/) const {}
  void group() const {}
};
// So many bytes ahead. An address past the end is harmless.
struct FetchAhead {
  std::int64_t bytes;
  void codes(const std::uint8_t* codes) const { __builtin_prefetch(codes + bytes); }
  void group() const {}
};
// Those at hand are in a cache, where a fetch takes the place of a load. `lines` of others come
// from memory, a few with each group: many at once would wait for each other.
template <int kGroupLines>
struct FetchBeside {
  const std::byte* lines;
  void codes(const std::uint8_t* /*codes*/) const {}
  void group() {
#pragma GCC unroll 4
    for (int i = 0; i < kGroupLines; ++i) fetch_line(lines + i * kCacheLine);
    lines += kGroupLines * kCacheLine;
  }
};

// Rows of activations lie kRowBytes apart. `fetch`: how codes are fetched ahead.
template <class Panel, int kRowBytes, int kRows, int kVecs, class Fetch, class Sums>
inline void add_step(const std::uint8_t* const* codes, const Fetch& fetch, const std::byte* x,
                     int step, Sums (&sums)[kRows][kVecs]) {
#pragma GCC unroll 8
  for (int part = 0; part < Panel::kParts; ++part) {
    typename Panel::Codes weights[kVecs];
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      const std::uint8_t* const from = codes[v / kPackedVecs] + step * kStepBytes;
      if (part == 0 && v % kPackedVecs == 0) fetch.codes(from);
      weights[v] = Panel::load(from + v % kPackedVecs * (4 * kLanes), part);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      std::int32_t bits = 0;
      __builtin_memcpy(&bits, x + r * kRowBytes + (step * Panel::kParts + part) * kPartBytes,
                       sizeof bits);
      const auto values = Panel::broadcast(bits);
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) {
        sums[r][v] = Panel::add(sums[r][v], weights[v], values);
        keep_order(sums[r][v]);
      }
    }
  }
}

// One group of kGroup inputs, of kRows rows and kVecs vectors of features.
template <class Panel, int kGroup, int kRows, int kVecs, class Fetch>
inline void add_group(const std::uint8_t* const* codes, const Fetch& fetch, const std::byte* x,
                      typename Panel::Sums (&sums)[kRows][kVecs]) {
  constexpr int kSteps = kGroup / Panel::kInputs;
  constexpr int kRowBytes = kGroup * kValueBytes<Panel>;
  if constexpr (Panel::kFlushInputs == 0) {
#pragma GCC unroll 8
    for (int step = 0; step < kSteps; ++step) {
      add_step<Panel, kRowBytes>(codes, fetch, x, step, sums);
    }
  } else {
    constexpr int kFlushSteps = Panel::kFlushInputs / Panel::kInputs;
    for (int first = 0; first < kSteps; first += kFlushSteps) {
      typename Panel::Narrow narrow[kRows][kVecs] = {};
#pragma GCC unroll 1
      for (int step = first; step < first + kFlushSteps; ++step) {
        add_step<Panel, kRowBytes>(codes, fetch, x, step, narrow);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < kVecs; ++v) sums[r][v] = Panel::flush(sums[r][v], narrow[r][v]);
      }
    }
  }
}

// All groups of kRows rows and kPanels panels. Inlined, it would lack registers for its addresses.
template <class Panel, int kGroup, int kRows, int kPanels, class Fetch>
[[gnu::noinline]] void packed_tile(const PackedDotArgs& args, Fetch fetch, std::int64_t row,
                                   std::int64_t panel) {
  constexpr int kVecs = kPanels * kPackedVecs;
  const std::uint8_t* codes[kPanels];
  const std::uint16_t* scales[kPanels];
  for (int p = 0; p < kPanels; ++p) {
    codes[p] = args.codes + (panel + p) * args.codes_panel_stride;
    scales[p] = args.scales + (panel + p) * args.scales_panel_stride;
  }
  const std::byte* x = args.x + row * kGroup * kValueBytes<Panel>;
  const float* x_scales = args.x_scales + row;
  const std::int32_t* x_corrections = args.x_corrections + row;
  float* const out = args.sums + row * args.sums_stride + panel * kPackedCols;

  Vec totals[kRows][kVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      totals[r][v] = args.accumulate ? load(out + r * args.sums_stride + v * kLanes) : splat(0.0F);
    }
  }
  for (std::int64_t left = args.groups; left > 0; --left) {
    typename Panel::Sums sums[kRows][kVecs];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) sums[r][v] = Panel::start(x_corrections[r]);
    }
    fetch.group();
    add_group<Panel, kGroup>(codes, fetch, x, sums);
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      const Vec scale = load_bf16(scales[v / kPackedVecs] + v % kPackedVecs * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        totals[r][v] = fma(Panel::to_float(sums[r][v]), scale * splat(x_scales[r]), totals[r][v]);
      }
    }
    for (int p = 0; p < kPanels; ++p) {
      codes[p] += kGroup / Panel::kInputs * kStepBytes;
      scales[p] += kPackedCols;
    }
    x += args.x_group_stride;
    x_scales += args.scale_stride;
    x_corrections += args.scale_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) store(out + r * args.sums_stride + v * kLanes, totals[r][v]);
  }
}

// Weights that come from memory, to be read once.
struct StreamedWeights {
  std::int64_t fetch_ahead;
  FetchAhead next_tile(const void* /*cached*/) const { return {fetch_ahead}; }
};
// Weights in a cache, read by many rows, while others come from memory.
template <int kGroupLines>
struct CachedWeights {
  FetchLines beside;
  std::int64_t groups;
  FetchBeside<kGroupLines> next_tile(const void* cached) {
    return {beside.take(groups * kGroupLines, cached)};
  }
};

template <class Panel, int kGroup, int kRows, class Weights>
inline void packed_strip(const PackedDotArgs& args, Weights& weights, std::int64_t row) {
  std::int64_t panel = 0;
  // Several streams need no fetching ahead: the processor follows each, and waits for none alone.
  if constexpr (kRows == 1 && Panel::kRowPanels > Panel::kPanels) {
    for (; panel + Panel::kRowPanels <= args.panels; panel += Panel::kRowPanels) {
      packed_tile<Panel, kGroup, kRows, Panel::kRowPanels>(args, NoFetch(), row, panel);
    }
  }
  for (; panel + Panel::kPanels <= args.panels; panel += Panel::kPanels) {
    packed_tile<Panel, kGroup, kRows, Panel::kPanels>(args, weights.next_tile(args.codes), row,
                                                      panel);
  }
  if constexpr (Panel::kPanels > 2) {
    for (; panel + 2 <= args.panels; panel += 2) {
      packed_tile<Panel, kGroup, kRows, 2>(args, weights.next_tile(args.codes), row, panel);
    }
  }
  if constexpr (Panel::kPanels > 1) {
    for (; panel < args.panels; ++panel) {
      packed_tile<Panel, kGroup, kRows, 1>(args, weights.next_tile(args.codes), row, panel);
    }
  }
  args.done.rows(row, kRows);
}

template <class Panel, int kGroup, class Weights>
void packed_rows(const PackedDotArgs& args, Weights weights) {
  for_each_strip<Panel::kRows>(args.rows, [&](std::int64_t row, auto rows) {
    packed_strip<Panel, kGroup, rows.kCount>(args, weights, row);
  });
}

template <class Panel, int kGroup>
void packed_group_dot(const PackedDotArgs& args) {
  if (args.fetch_ahead > 0) {
    return packed_rows<Panel, kGroup>(args, StreamedWeights{args.fetch_ahead});
  }
  // A line for each panel of a group: enough for some tens of rows and more.
  packed_rows<Panel, kGroup>(args,
                             CachedWeights<Panel::kPanels>{FetchLines(args.beside), args.groups});
}

template <class Panel>
void packed_dot(const PackedDotArgs& args) {
  switch (args.group_size) {
    case 32: return packed_group_dot<Panel, 32>(args);
    case 64: return packed_group_dot<Panel, 64>(args);
    default: return packed_group_dot<Panel, kMaxGroupSize>(args);
  }
}

// The largest magnitude of a group, or NaN where one of it is not finite.
inline float finite_max(const float* x, std::int64_t count) {
  Vec largest = splat(0.0F);
  Vec bad = splat(0.0F);
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Vec v = load(x + i);
    largest = max(largest, max(v, -v));
    // NOLINTNEXTLINE(misc-redundant-expression)
    bad = bad + (v - v);  // NaN of NaN and of infinity
  }
  return nan_lanes(bad) != 0 ? __builtin_nanf("") : reduce_max(largest);
}

// Codes of a whole group; their sum.
template <class Panel>
inline std::int32_t quantize_group(const float* x, std::int64_t count, float factor,
                                   std::byte* codes) {
  constexpr float kRound = 0x1.8p23F;  // adding it drops the fraction, to nearest even
  Vec total = splat(0.0F);
  for (std::int64_t i = 0; i < count; i += kValueBlock) {
    Vec rounded[kValueBlock / kLanes];
    for (int v = 0; v < kValueBlock / kLanes; ++v) {
      const Vec scaled = load(x + i + v * kLanes) * splat(factor);
      rounded[v] = (scaled + splat(kRound)) - splat(kRound);
      total = total + rounded[v];
    }
    Panel::store_values(rounded, codes + i * kValueBytes<Panel>);
  }
  return static_cast<std::int32_t>(reduce_add(total));  // of integers far below 2^24: exact
}

template <class Panel>
void quantize(const QuantizeArgs& args) {
  constexpr float kSmallest = 0x1p-100F;  // below it 127 / largest may be no number
  float padded[kMaxGroupSize];
  for (std::int64_t group = 0; group * args.group_size < args.count; ++group) {
    const float* x = args.x + group * args.group_size;
    const std::int64_t left = args.count - group * args.group_size;
    if (left < args.group_size) {
      for (std::int64_t i = 0; i < args.group_size; ++i) padded[i] = i < left ? x[i] : 0.0F;
      x = padded;
    }
    const float largest = finite_max(x, args.group_size);
    const bool usable = largest >= kSmallest;  // not of a NaN
    std::byte* const codes = args.codes + group * args.codes_stride;
    std::int32_t sum = 0;
    if (usable) {
      sum = quantize_group<Panel>(x, args.group_size, 127.0F / largest, codes);
    } else {
      __builtin_memset(codes, 0, static_cast<std::size_t>(args.group_size * kValueBytes<Panel>));
    }
    args.scales[group * args.group_stride] = largest / 127.0F;
    args.corrections[group * args.group_stride] = -Panel::kZero * sum;
  }
}

template <class Panel>
constexpr PackedKernels kPackedOf = {.tile_rows = Panel::kRows,
                                     .value_bytes = kValueBytes<Panel>,
                                     .quantize = quantize<Panel>,
                                     .dot = packed_dot<Panel>};
