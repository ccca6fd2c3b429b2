// The oracle: every op as its formula reads, one loop after the other, without threads.
#pragma once

#include <memory>

#include "device/device.h"

namespace parapet {

std::unique_ptr<Device> create_reference_device();

}  // namespace parapet
