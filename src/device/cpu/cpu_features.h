// Which kernel table this processor runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "device/cpu/isa/kernel_table.h"
#include "parapet/error.h"

namespace parapet::cpu {

// Tables that this build has, best first.
std::vector<const KernelTable*> built_kernels();

// Those of them that this processor runs, best first; never empty.
std::vector<const KernelTable*> available_kernels();

// The best table, or the one of the given name. kUnsupported where there is no such.
Result<const KernelTable*> choose_kernels(std::string_view isa);

}  // namespace parapet::cpu
