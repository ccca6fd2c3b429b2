// The devices this build knows, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "device/device.h"
#include "device/numerics/numerics.h"
#include "device/numerics/op_taps.h"
#include "parapet/error.h"

namespace parapet {

// "cpu" or "reference". num_threads 0: as many as the process may use.
Result<std::unique_ptr<Device>> create_device(std::string_view name, int num_threads);

struct DeviceOptions {
  std::string name = "cpu";  // or "reference"
  int num_threads = 0;
  std::string isa;  // kernels of "cpu"; empty: PARAPET_FORCE_ISA, else the best
  std::string activation_dtype = "float32";  // "bfloat16" rounds what Rounding::bfloat16() names
  Numerics numerics;                         // beside that
  OpTaps* taps = nullptr;                    // outlives the device
};
Result<std::unique_ptr<Device>> create_device(const DeviceOptions& options);

// num_threads, or for 0 as many as the process may use, for work beside a device.
int usable_threads(int num_threads);

}  // namespace parapet
