// The kernels for AVX2, FMA and F16C.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "device/cpu/isa/kernel_table.h"

namespace parapet::cpu {
namespace {

// Each builds on the one before.
// clang-format off
#include "device/cpu/isa/vec_avx2.inc.h"
#include "device/cpu/isa/element_types.inc.h"
#include "device/cpu/isa/row_kernels.inc.h"
#include "device/cpu/isa/strips.inc.h"
#include "device/cpu/isa/attention_kernels.inc.h"
#include "device/cpu/isa/packed_avx2.inc.h"
#include "device/cpu/isa/fetch_lines.inc.h"
#include "device/cpu/isa/packed_kernels.inc.h"
#include "device/cpu/isa/columns_avx2.inc.h"
#include "device/cpu/isa/tile_columns.inc.h"
#include "device/cpu/isa/float_tiles.inc.h"
#include "device/cpu/isa/table.inc.h"
// clang-format on

}  // namespace

constinit const KernelTable kKernelsAvx2 = table_of("avx2");

}  // namespace parapet::cpu
