// The kernels for AArch64 with dot products of bytes.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "device/cpu/isa/kernel_table.h"

namespace parapet::cpu {
namespace {

// Each builds on the one before.
// clang-format off
#include "device/cpu/isa/vec_neon.inc.h"
#include "device/cpu/isa/dot_kernels.inc.h"
#include "device/cpu/isa/row_kernels.inc.h"
#include "device/cpu/isa/attention_kernels.inc.h"
#include "device/cpu/isa/packed_neon_dotprod.inc.h"
#include "device/cpu/isa/packed_kernels.inc.h"
// clang-format on

}  // namespace

const KernelTable kKernelsNeonDotprod = {
    .isa = "neon_dotprod",
    .tile_rows = kTileRows,
    .dot = {dot<F32>, dot<Bf16>, dot<F16>},
    .widen = {widen<F32>, widen<Bf16>, widen<F16>},
    .packed = {kPackedOf<Int8Panel>, kPackedOf<Int4Panel>},
    .inverse_rms = inverse_rms,
    .scale = scale_row,
    .silu_mul = silu_mul,
    .exp = exp_row,
    .rotate = rotate,
    .dequantize = dequantize,
    .attend = attend,
    .argmax = argmax,
    .sum_exp = sum_exp,
};

}  // namespace parapet::cpu
