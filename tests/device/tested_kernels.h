// The kernel tables under test: those that this processor runs, and AVX-512 and AMX by emulation,
// so that every shuffle, mask and lane order of it is executed on machines without it.
#pragma once

#include <vector>

#include "device/cpu/isa/kernel_table.h"

namespace parapet::test {

std::vector<const cpu::KernelTable*> tested_kernels();

}  // namespace parapet::test
