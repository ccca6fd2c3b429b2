// What every device on the host's processor does alike: memory, streams, weights in place.
#pragma once

#include <memory>
#include <span>

#include "base/check.h"
#include "device/device.h"

namespace parapet {

class HostDevice : public Device {
 public:
  Result<std::unique_ptr<Buffer>> allocate(std::size_t bytes) override;
  Result<std::unique_ptr<Stream>> create_stream() override;
  Result<std::unique_ptr<LinearWeight>> load_linear(std::span<const TensorView> parts) override;
  Result<std::unique_ptr<LinearWeight>> load_packed_linear(
      std::span<const PackedMatrix> parts) override;
  Result<std::unique_ptr<Buffer>> load_tensor(const TensorView& host) override;
};

// Errors of a specification that no cache can honour.
Status check_kv_cache_spec(const KvCacheSpec& spec);

// A seam object that must be of this backend's own kind.
template <class Own, class Seam>
Own& own(Seam& object) {
  auto* const own_object = dynamic_cast<Own*>(&object);
  PARAPET_CHECK(own_object != nullptr && "an object of another device");
  return *own_object;
}

// A linear weight of this folder's two kinds.
const LinearWeight& own_linear(const LinearWeight& weight);

}  // namespace parapet
