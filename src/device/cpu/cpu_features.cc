#include "device/cpu/cpu_features.h"

#ifdef PARAPET_X86_KERNELS
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#ifdef PARAPET_ARM_KERNELS
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <algorithm>

namespace parapet::cpu {
namespace {

struct Candidate {
  const KernelTable* kernels;
  bool runs_here;
};

#ifdef PARAPET_X86_KERNELS
// Clang 14 cannot be asked for this one by name.
bool supports_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

#ifdef PARAPET_X86_KERNELS
// The processor's word (Intel's manual, volume 2, CPUID leaf 7), and the system's: it saves the
// registers of tiles for those processes alone that have asked once (Linux, since 5.16).
bool supports_amx() {
  constexpr unsigned kBf16 = 1U << 22U;
  constexpr unsigned kTile = 1U << 24U;
  constexpr unsigned kInt8 = 1U << 25U;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & kBf16) == 0 || (edx & kTile) == 0 || (edx & kInt8) == 0) return false;
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

// Best first. The compiler's runtime asks the processor and whether the system saves its registers.
std::vector<Candidate> candidates() {
  std::vector<Candidate> found;
#ifdef PARAPET_X86_KERNELS
  __builtin_cpu_init();
  const bool avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && supports_f16c();
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni") != 0;
  found.push_back({&kKernelsAmx, vnni && supports_amx()});
  found.push_back({&kKernelsAvx512Vnni, vnni});
  found.push_back({&kKernelsAvx512, avx512});
  found.push_back({&kKernelsAvx2, avx2});
#endif
#ifdef PARAPET_ARM_KERNELS
  found.push_back({&kKernelsNeonDotprod, (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0});
  found.push_back({&kKernelsNeon, true});
#endif
  found.push_back({&kKernelsPortable, true});
  return found;
}

std::string names(const std::vector<const KernelTable*>& tables) {
  std::string names;
  for (const KernelTable* table : tables) {
    names += (names.empty() ? "" : ", ") + std::string(table->isa);
  }
  return names;
}

}  // namespace

std::vector<const KernelTable*> built_kernels() {
  std::vector<const KernelTable*> built;
  for (const Candidate& candidate : candidates()) built.push_back(candidate.kernels);
  return built;
}

std::vector<const KernelTable*> available_kernels() {
  std::vector<const KernelTable*> available;
  for (const Candidate& candidate : candidates()) {
    if (candidate.runs_here) available.push_back(candidate.kernels);
  }
  return available;
}

Result<const KernelTable*> choose_kernels(std::string_view isa) {
  const std::vector<const KernelTable*> available = available_kernels();
  if (isa.empty()) return available.front();
  const auto chosen = std::ranges::find(available, isa, &KernelTable::isa);
  if (chosen != available.end()) return *chosen;

  return Error{ErrorCode::kUnsupported,
               "PARAPET_FORCE_ISA (force_isa): instruction set \"" + std::string(isa) +
                   "\" is not available; this build has " + names(built_kernels()) +
                   ", of which this processor runs " + names(available)};
}

}  // namespace parapet::cpu
