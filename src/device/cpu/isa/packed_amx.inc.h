// Int8 weights in groups of 64 or 128 on AMX: TDPBSUD adds 64 products of bytes to each of 16 x 16
// sums, exactly. So the bits are those of every other instruction set. A panel's codes are weight
// tiles as they lie.

constexpr std::int64_t kCodeTileInputs = 64;

// Sums of one group, [row tile][panel][row][feature].
using GroupSums = std::int32_t[2][2][kTileSide][kTileSide];

// Tiles 0 to 3 are sums of (row tile 0, panel 0), (0, 1), (1, 0), (1, 1); 4 and 5 activations; 6
// and 7 weights.
inline void add_code_group(const std::byte* x, const std::uint8_t* const* codes,
                           std::int64_t group_size, GroupSums& sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t k = 0; k < group_size; k += kCodeTileInputs) {
    _tile_loadd(6, codes[0] + k * kPackedCols, kTileRowBytes);
    _tile_loadd(4, x + k, group_size);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, codes[1] + k * kPackedCols, kTileRowBytes);
    _tile_dpbsud(1, 4, 7);
    _tile_loadd(5, x + kTileSide * group_size + k, group_size);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
  _tile_stored(0, sums[0][0], kTileRowBytes);
  _tile_stored(1, sums[0][1], kTileRowBytes);
  _tile_stored(2, sums[1][0], kTileRowBytes);
  _tile_stored(3, sums[1][1], kTileRowBytes);
}

// Adds a group of 32 rows and two panels to the sums in float, as packed_tile() does.
inline void add_scaled_group(const GroupSums& group, const Vec* scales, const float* x_scales,
                             const std::int32_t* x_corrections, bool add, float* sums,
                             std::int64_t sums_stride) {
  for (int r = 0; r < 2 * kTileSide; ++r, sums += sums_stride) {
    const __m512i correction = _mm512_set1_epi32(x_corrections[r]);
    const Vec x_scale = splat(x_scales[r]);
#pragma GCC unroll 2
    for (int p = 0; p < 2; ++p) {
      const __m512i sum =
          _mm512_add_epi32(load_512(group[r / kTileSide][p][r % kTileSide]), correction);
      float* const to = sums + p * kPackedCols;
      const Vec before = add ? load(to) : splat(0.0F);
      store(to, fma(_mm512_cvtepi32_ps(sum), scales[p] * x_scale, before));
    }
  }
}

// 32 rows and two panels.
inline void code_tile(const PackedDotArgs& args, std::int64_t row, std::int64_t panel) {
  alignas(64) GroupSums group_sums;
  const std::int64_t group_bytes = args.group_size * kPackedCols;
  float* const sums = args.sums + row * args.sums_stride + panel * kPackedCols;
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const std::uint8_t* codes[2];
    Vec scales[2];
    for (int p = 0; p < 2; ++p) {
      codes[p] = args.codes + (panel + p) * args.codes_panel_stride + group * group_bytes;
      scales[p] =
          load_bf16(args.scales + (panel + p) * args.scales_panel_stride + group * kPackedCols);
    }
    add_code_group(args.x + row * args.group_size + group * args.x_group_stride, codes,
                   args.group_size, group_sums);
    const std::int64_t scale = group * args.scale_stride + row;
    add_scaled_group(group_sums, scales, args.x_scales + scale, args.x_corrections + scale,
                     args.accumulate || group > 0, sums, args.sums_stride);
  }
}

// Some rows of the panels from `panel` on, without tiles.
inline void rest_dot(const PackedDotArgs& args, std::int64_t row, std::int64_t rows,
                     std::int64_t panel) {
  PackedDotArgs rest = args;
  rest.x += row * args.group_size;
  rest.x_scales += row;
  rest.x_corrections += row;
  rest.rows = rows;
  rest.codes += panel * args.codes_panel_stride;
  rest.scales += panel * args.scales_panel_stride;
  rest.panels -= panel;
  rest.sums += row * args.sums_stride + panel * kPackedCols;
  rest.beside = {};
  rest.done = {};
  packed_dot<Int8Panel>(rest);
}

void code_tiles_dot(const PackedDotArgs& args) {
  const std::int64_t rows = args.rows / (2 * kTileSide) * (2 * kTileSide);
  const std::int64_t panels = args.panels / 2 * 2;
  if (rows == 0 || panels == 0 || args.group_size % kCodeTileInputs != 0) {
    return packed_dot<Int8Panel>(args);
  }
  configure_tiles(kTileSide, kTileSide);
  FetchLines beside(args.beside, rows / (2 * kTileSide) * (panels / 2));
  for (std::int64_t row = 0; row < rows; row += 2 * kTileSide) {
    for (std::int64_t panel = 0; panel < panels; panel += 2) {
      beside.step();
      code_tile(args, row, panel);
    }
  }
  _tile_release();
  if (panels < args.panels) rest_dot(args, 0, rows, panels);
  if (rows < args.rows) rest_dot(args, rows, args.rows - rows, 0);
  args.done.rows(0, args.rows);
}

constexpr PackedKernels kPackedInt8Amx = [] {
  PackedKernels kernels = kPackedOf<Int8Panel>;
  kernels.dot = code_tiles_dot;
  return kernels;
}();
