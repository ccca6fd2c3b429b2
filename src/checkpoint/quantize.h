// From a dense matrix to the packed layout of base/packed_weight.h; docs/quantization.md has the
// formulas and what they were chosen over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "checkpoint/packed_memory.h"
#include "checkpoint/weights.h"

namespace parapet {

// Sums over a matrix: of the weights' squares, and of those of what quantizing changed.
struct QuantizationSums {
  double weight = 0;
  double error = 0;
};

// Quantizes `dense` [out, in] in f32, bf16 or f16 into `packed`, whose shape has its sizes. Where
// it has factors for the inputs, they are there already, and what is quantized is dense / factor.
// Codes, scales and sums are the same on every machine and for every number of threads. `report`
// (may be empty) is called on this thread with panels done. A weight that is not finite is refused
// with kNumeric, `where` before its message.
Result<QuantizationSums> quantize_matrix(const WeightTensor& dense, const std::string& where,
                                         const PackedBuffer& packed, int num_threads,
                                         const std::function<void(std::int64_t)>& report = {});

}  // namespace parapet
