// The backends under test: the reference, and the CPU with each tested instruction set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "gtest/gtest.h"

namespace parapet::test {

struct Backend {
  std::string name;
  std::unique_ptr<Device> (*make)(const Backend& backend, int num_threads);

  std::unique_ptr<Device> device(int num_threads = 3) const { return make(*this, num_threads); }
};

std::vector<Backend> all_backends();
std::vector<Backend> cpu_backends();

// Makes ctest print names instead of bytes.
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

inline std::string backend_name(const testing::TestParamInfo<Backend>& info) {
  return info.param.name;
}

// A device and one stream of it; every test runs on each backend.
class BackendTest : public testing::TestWithParam<Backend> {
 protected:
  BackendTest() : device_(GetParam().device()), stream_(device_->create_stream().value()) {}

  Device& device() { return *device_; }
  Ops& ops() { return device_->ops(); }
  Stream& stream() { return *stream_; }
  void synchronize() {
    const Status status = stream_->synchronize();
    ASSERT_TRUE(status.ok()) << status.error().message;
  }

 private:
  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace parapet::test
