// The devices this build knows, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

// "cpu" or "reference". num_threads 0: as many as the process may use.
Result<std::unique_ptr<Device>> create_device(std::string_view name, int num_threads);

struct DeviceOptions {
  std::string name = "cpu";  // or "reference"
  int num_threads = 0;
  std::string isa;  // kernels of "cpu"; empty: PARAPET_FORCE_ISA, else the best
  // "bfloat16": a NumericsDevice that rounds what Rounding::bfloat16() names.
  std::string activation_dtype = "float32";
};
Result<std::unique_ptr<Device>> create_device(const DeviceOptions& options);

// Instruction sets whose kernels this processor runs, best first.
std::vector<std::string> available_isas();

// num_threads, or for 0 as many as the process may use, for work beside a device.
int usable_threads(int num_threads);

}  // namespace parapet
