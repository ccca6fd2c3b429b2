#include "device/cpu/cpu_device.h"

#include <cstdlib>
#include <utility>

#include "device/cpu/cpu_count.h"
#include "device/cpu/cpu_features.h"
#include "device/cpu/cpu_kv_cache.h"
#include "device/cpu/cpu_ops.h"
#include "device/host/host_device.h"

namespace parapet {
namespace {

constexpr int kMaxThreads = 1024;

class CpuDevice final : public HostDevice {
 public:
  CpuDevice(const cpu::KernelTable& kernels, int num_threads)
      : info_{.name = "cpu",
              .isa = kernels.isa,
              .num_threads = num_threads,
              .max_bf16_group = kernels.tiles != nullptr ? cpu::kMaxBf16Group : 0},
        ops_(kernels, num_threads) {}

  const DeviceInfo& info() const override { return info_; }
  Ops& ops() override { return ops_; }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return cpu::CpuKvCache::make(spec);
  }

 private:
  DeviceInfo info_;
  cpu::CpuOps ops_;
};

// The option, else the environment: whoever wrote the option knew better.
std::string forced_isa(const CpuOptions& options) {
  if (!options.force_isa.empty()) return options.force_isa;
  const char* const forced = std::getenv("PARAPET_FORCE_ISA");
  return forced == nullptr ? "" : forced;
}

}  // namespace

Result<std::unique_ptr<Device>> create_cpu_device(const CpuOptions& options) {
  if (options.num_threads < 0 || options.num_threads > kMaxThreads) {
    return Error{ErrorCode::kInvalidArgument,
                 "num_threads is " + std::to_string(options.num_threads) +
                     ", expected 0 (all) to " + std::to_string(kMaxThreads)};
  }
  PARAPET_ASSIGN(const cpu::KernelTable* kernels, cpu::choose_kernels(forced_isa(options)));
  const int num_threads = options.num_threads > 0 ? options.num_threads : cpu::usable_cpus();
  return make_cpu_device(*kernels, num_threads);
}

std::unique_ptr<Device> make_cpu_device(const cpu::KernelTable& kernels, int num_threads) {
  return std::make_unique<CpuDevice>(kernels, num_threads);
}

}  // namespace parapet
