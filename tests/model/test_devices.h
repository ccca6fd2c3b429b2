// The devices that every end-to-end test runs on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "parapet/error.h"

namespace parapet::test {

struct TestDevice {
  std::string name;       // as gtest wants it: letters, digits, '_'
  std::string force_isa;  // of the CPU backend
  int num_threads = 0;    // 0: the reference backend

  Result<std::unique_ptr<Device>> create() const;
};

// The reference, and the CPU backend with one thread and with two, and with each ISA of this
// machine.
std::vector<TestDevice> all_devices();

}  // namespace parapet::test
