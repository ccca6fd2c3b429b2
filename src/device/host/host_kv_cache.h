// A KV cache whose elements the host's processor can read one token at a time.
#pragma once

#include <cstdint>

#include "device/device.h"

namespace parapet {

class HostKvCache : public KvCache {
 public:
  // One token's key, and value, of one head, as attention takes them: head_dim floats each.
  virtual void read_key(int layer, std::int64_t slot, int head, float* key) const = 0;
  virtual void read_value(int layer, std::int64_t slot, int head, float* value) const = 0;
};

}  // namespace parapet
