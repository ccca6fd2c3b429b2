#include "device/backends.h"

#include "device/cpu/cpu_device.h"
#include "device/cpu/cpu_features.h"
#include "device/reference/reference_device.h"

namespace parapet::test {

std::vector<Backend> cpu_backends() {
  std::vector<Backend> backends;
  for (const cpu::KernelTable* kernels : cpu::available_kernels()) {
    backends.push_back({kernels->isa, [](const Backend& backend, int num_threads) {
                          return create_cpu_device(
                                     {.num_threads = num_threads, .force_isa = backend.name})
                              .value();
                        }});
  }
  return backends;
}

std::vector<Backend> all_backends() {
  std::vector<Backend> backends = cpu_backends();
  backends.push_back({"reference", [](const Backend&, int) { return create_reference_device(); }});
  return backends;
}

}  // namespace parapet::test
