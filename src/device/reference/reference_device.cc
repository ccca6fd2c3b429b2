#include "device/reference/reference_device.h"

#include "device/host/host_device.h"
#include "device/reference/reference_kv_cache.h"
#include "device/reference/reference_ops.h"

namespace parapet {
namespace {

class ReferenceDevice final : public HostDevice {
 public:
  const DeviceInfo& info() const override { return info_; }
  Ops& ops() override { return ops_; }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return ReferenceKvCache::make(spec);
  }

 private:
  DeviceInfo info_{.name = "reference", .isa = "scalar"};
  ReferenceOps ops_;
};

}  // namespace

std::unique_ptr<Device> create_reference_device() { return std::make_unique<ReferenceDevice>(); }

}  // namespace parapet
