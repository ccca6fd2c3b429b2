// Packed weights multiplied as the floats that they stand for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "device/device.h"
#include "device/host/host_memory.h"
#include "device/host/host_packed_linear.h"
#include "device/numerics/scratch.h"
#include "device/ops.h"

namespace parapet {

// Some output features of a packed matrix at a time are written out as floats, which the inner
// device then multiplies; the whole matrix would be four times as large as its codes.
class ExactLinear {
 public:
  ExactLinear(Device& inner, int num_threads) : inner_(inner), num_threads_(num_threads) {}

  // out = x W^T.
  void enqueue(Stream& stream, TensorView x, const HostPackedLinear& weight, TensorView out);

 private:
  struct DenseRows {
    AlignedBytes memory;
    std::unique_ptr<LinearWeight> linear;  // over it
  };
  DenseRows& dense_rows(std::int64_t rows, std::int64_t features);

  Device& inner_;
  int num_threads_;
  std::map<std::pair<std::int64_t, std::int64_t>, DenseRows> dense_;  // by rows and features
  Scratch sums_;
};

// Writes output features [first, first + rows) as floats [rows, in_features]; first is a multiple
// of 16.
void unpack_rows(const PackedMatrix& matrix, std::int64_t first, std::int64_t rows, float* out,
                 int num_threads);

}  // namespace parapet
