// Memory between the parts of an op that was cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/host/host_memory.h"
#include "device/tensor.h"

namespace parapet {

// A matrix that grows. Graphs keep addresses, so what was once given out stays; as sizes double,
// all of it together is at most twice the largest.
class Scratch {
 public:
  // Throws std::bad_alloc.
  TensorView matrix(std::int64_t rows, std::int64_t features);

 private:
  std::vector<AlignedBytes> memory_;  // the last is the largest
  std::size_t capacity_ = 0;          // of the last, in floats
};

}  // namespace parapet
