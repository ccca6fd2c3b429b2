// The fast backend for the host's processor.
#pragma once

#include <memory>
#include <string>

#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

namespace cpu {
struct KernelTable;
}

struct CpuOptions {
  // 0: as many as the process may use (affinity mask and cgroup quota).
  int num_threads = 0;
  // "avx2", "neon", ...: a kernel table's name; empty: PARAPET_FORCE_ISA, and without that the best
  // there is.
  std::string force_isa = {};
};

// Refuses an instruction set that this build or this processor lacks: kUnsupported.
Result<std::unique_ptr<Device>> create_cpu_device(const CpuOptions& options = {});

// On kernels that the caller knows to run here.
std::unique_ptr<Device> make_cpu_device(const cpu::KernelTable& kernels, int num_threads);

}  // namespace parapet
