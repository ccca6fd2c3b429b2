// The including file's kernels as one table: every instruction set fills it alike.

constexpr KernelTable table_of(const char* isa) {
  return {
      .isa = isa,
      .widen = {widen<F32>, widen<Bf16>, widen<F16>},
      .packed = {kPackedOf<Int8Panel>, kPackedOf<Int4Panel>},
      .tiles = nullptr,
      .float_tiles = kFloatTileKernels,
      .inverse_rms = inverse_rms,
      .scale = scale_row,
      .silu_mul = silu_mul,
      .exp = exp_row,
      .rotate = rotate,
      .dequantize = dequantize,
      .attend = attend,
      .tile_attention = nullptr,
      .argmax = argmax,
      .sum_exp = sum_exp,
  };
}
