// The devices this build knows, by name.
#pragma once

#include <memory>
#include <string_view>

#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

// "cpu" or "reference". num_threads 0: as many as the process may use.
Result<std::unique_ptr<Device>> create_device(std::string_view name, int num_threads);

// num_threads, or for 0 as many as the process may use, for work beside a device.
int usable_threads(int num_threads);

}  // namespace parapet
