#include "device/tested_kernels.h"

#include <algorithm>
#include <string_view>

#include "device/cpu/cpu_features.h"

namespace parapet::cpu {

extern const KernelTable kKernelsAvx512Emulated;
extern const KernelTable kKernelsAvx512VnniEmulated;
extern const KernelTable kKernelsAmxEmulated;

}  // namespace parapet::cpu

namespace parapet::test {

std::vector<const cpu::KernelTable*> tested_kernels() {
  std::vector<const cpu::KernelTable*> tables = cpu::available_kernels();
#ifdef PARAPET_EMULATED_AVX512
  static const std::vector<cpu::KernelTable> emulated = [] {
    std::vector<cpu::KernelTable> copies = {
        cpu::kKernelsAvx512Emulated, cpu::kKernelsAvx512VnniEmulated, cpu::kKernelsAmxEmulated};
    copies[0].isa = "avx512_emulated";
    copies[1].isa = "avx512vnni_emulated";
    copies[2].isa = "amx_emulated";
    return copies;
  }();
  // The emulation is compiled for AVX2.
  const std::string_view needed = "avx2";
  if (std::ranges::find(tables, needed, &cpu::KernelTable::isa) != tables.end()) {
    for (const cpu::KernelTable& table : emulated) tables.push_back(&table);
  }
#endif
  return tables;
}

}  // namespace parapet::test
