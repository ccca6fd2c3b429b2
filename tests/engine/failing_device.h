// A device that works until it does not: the reference backend with an argmax that fails once asked
// too often, as a lost accelerator would.
#pragma once

#include <memory>
#include <utility>

#include "base/check.h"
#include "device/host/host_stream.h"
#include "device/reference/reference_device.h"
#include "support/forwarding_device.h"

namespace parapet::test {

class FailingOps final : public ForwardingOps {
 public:
  FailingOps(Ops& inner, int argmaxes_left) : ForwardingOps(inner), argmaxes_left_(argmaxes_left) {}

 protected:
  void do_argmax(Stream& stream, TensorView logits, TensorView ids) override {
    if (argmaxes_left_-- > 0) return inner_.argmax(stream, logits, ids);
    dynamic_cast<HostStream&>(stream).enqueue([] { throw InternalError("the device is lost"); });
  }

 private:
  int argmaxes_left_;
};

class FailingDevice final : public ForwardingDevice {
 public:
  explicit FailingDevice(int argmaxes) : FailingDevice(create_reference_device(), argmaxes) {}
  Ops& ops() override { return ops_; }

 private:
  FailingDevice(std::unique_ptr<Device> inner, int argmaxes)
      : ForwardingDevice(*inner), inner_(std::move(inner)), ops_(inner_->ops(), argmaxes) {}

  std::unique_ptr<Device> inner_;
  FailingOps ops_;
};

}  // namespace parapet::test
