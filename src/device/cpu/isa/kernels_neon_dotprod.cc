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
#include "device/cpu/isa/element_types.inc.h"
#include "device/cpu/isa/row_kernels.inc.h"
#include "device/cpu/isa/strips.inc.h"
#include "device/cpu/isa/attention_kernels.inc.h"
#include "device/cpu/isa/packed_neon_dotprod.inc.h"
#include "device/cpu/isa/fetch_lines.inc.h"
#include "device/cpu/isa/packed_kernels.inc.h"
#include "device/cpu/isa/columns_neon.inc.h"
#include "device/cpu/isa/tile_columns.inc.h"
#include "device/cpu/isa/float_tiles.inc.h"
#include "device/cpu/isa/table.inc.h"
// clang-format on

}  // namespace

constinit const KernelTable kKernelsNeonDotprod = table_of("neon_dotprod");

}  // namespace parapet::cpu
