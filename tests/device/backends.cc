#include "device/backends.h"

#include <algorithm>

#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "device/tested_kernels.h"

namespace parapet::test {

std::vector<Backend> cpu_backends() {
  std::vector<Backend> backends;
  for (const cpu::KernelTable* kernels : tested_kernels()) {
    backends.push_back({kernels->isa, [](const Backend& backend, int num_threads) {
                          const auto tables = tested_kernels();
                          return make_cpu_device(
                              **std::ranges::find(tables, backend.name, &cpu::KernelTable::isa),
                              num_threads);
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
