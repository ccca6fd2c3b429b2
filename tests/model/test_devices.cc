#include "model/test_devices.h"

#include "device/cpu/cpu_device.h"
#include "device/cpu/cpu_features.h"
#include "device/reference/reference_device.h"

namespace parapet::test {

Result<std::unique_ptr<Device>> TestDevice::create() const {
  if (num_threads == 0) return create_reference_device();
  return create_cpu_device({.num_threads = num_threads, .force_isa = force_isa});
}

std::vector<TestDevice> all_devices() {
  std::vector<TestDevice> devices{{.name = "reference", .force_isa = "", .num_threads = 0}};
  for (const cpu::KernelTable* kernels : cpu::available_kernels()) {
    for (const int num_threads : {1, 2}) {
      const std::string isa(kernels->isa);
      devices.push_back({.name = isa + "_threads" + std::to_string(num_threads),
                         .force_isa = isa,
                         .num_threads = num_threads});
    }
  }
  return devices;
}

}  // namespace parapet::test
