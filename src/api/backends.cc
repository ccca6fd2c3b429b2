#include "api/backends.h"

#include <string>

#include "device/cpu/cpu_count.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"

namespace parapet {

Result<std::unique_ptr<Device>> create_device(std::string_view name, int num_threads) {
  if (name == "cpu") return create_cpu_device({.num_threads = num_threads, .force_isa = ""});
  if (name == "reference") return create_reference_device();
  return Error{ErrorCode::kInvalidArgument,
               "device: '" + std::string(name) + "'; this build has 'cpu' and 'reference'"};
}

int usable_threads(int num_threads) { return num_threads > 0 ? num_threads : cpu::usable_cpus(); }

}  // namespace parapet
