#include "api/backends.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "device/cpu/cpu_count.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/cpu_features.h"
#include "device/numerics/numerics_device.h"
#include "device/reference/reference_device.h"

namespace parapet {

namespace {

Result<std::unique_ptr<Device>> create_plain_device(const DeviceOptions& options) {
  if (options.name == "cpu") {
    return create_cpu_device({.num_threads = options.num_threads, .force_isa = options.isa});
  }
  if (options.name == "reference") {
    if (options.isa.empty()) return create_reference_device();
    return Error{ErrorCode::kInvalidArgument,
                 "isa: '" + options.isa + "'; the device 'reference' has only one"};
  }
  return Error{ErrorCode::kInvalidArgument,
               "device: '" + options.name + "'; this build has 'cpu' and 'reference'"};
}

}  // namespace

Result<std::unique_ptr<Device>> create_device(const DeviceOptions& options) {
  const bool rounds = options.activation_dtype == "bfloat16";
  if (!rounds && options.activation_dtype != "float32") {
    return Error{ErrorCode::kInvalidArgument, "activation_dtype: '" + options.activation_dtype +
                                                  "'; expected 'float32' or 'bfloat16'"};
  }
  PARAPET_ASSIGN(std::unique_ptr<Device> device, create_plain_device(options));
  if (!rounds) return device;
  return std::unique_ptr<Device>(create_numerics_device(
      std::move(device), {.rounding = Rounding::bfloat16(), .exact_packed = false, .codes = {}}));
}

Result<std::unique_ptr<Device>> create_device(std::string_view name, int num_threads) {
  DeviceOptions options;
  options.name = name;
  options.num_threads = num_threads;
  return create_device(options);
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const cpu::KernelTable* kernels : cpu::available_kernels()) names.emplace_back(kernels->isa);
  return names;
}

int usable_threads(int num_threads) { return num_threads > 0 ? num_threads : cpu::usable_cpus(); }

}  // namespace parapet
