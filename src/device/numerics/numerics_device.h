// A device of the host that computes as asked: every op of the device it stands before, with values
// rounded between them, quantized weights taken apart, and someone looking on.
//
// Where nothing is rounded inside an op and nobody looks, the op is the inner device's own.
// Elsewhere it is cut into the inner device's linear ops and plain loops for what stands between
// them. Rows depend on their own inputs only, as on every device. One stream at a time uses it.
#pragma once

#include <memory>

#include "device/device.h"
#include "device/numerics/numerics.h"
#include "device/numerics/op_taps.h"

namespace parapet {

class NumericsDevice : public Device {
 public:
  // From the next op on. Matrices stay as they were loaded: Rounded::kWeights rounds those to come.
  // Not for a device whose ops were captured into graphs.
  virtual void set_numerics(const Numerics& numerics) = 0;
  // Null: nobody. Taps must outlive their use.
  virtual void set_taps(OpTaps* taps) = 0;
};

// `inner` is one of the devices on the host's processor.
std::unique_ptr<NumericsDevice> create_numerics_device(std::unique_ptr<Device> inner,
                                                       const Numerics& numerics);

}  // namespace parapet
