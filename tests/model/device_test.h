// A test that runs on every device.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "model/test_devices.h"

namespace parapet::test {

class DeviceTest : public testing::TestWithParam<TestDevice> {
 protected:
  void SetUp() override {
    auto device = GetParam().create();
    ASSERT_TRUE(device) << device.error().message;
    device_ = std::move(*device);
  }

  std::unique_ptr<Device> device_;
};

}  // namespace parapet::test
