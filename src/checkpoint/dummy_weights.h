// Seeded random weights, for measuring without a checkpoint.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/anonymous_memory.h"
#include "checkpoint/weights.h"

namespace parapet {

struct DummyWeights {
  AnonymousMemory memory;
  std::vector<WeightTensor> tensors;  // in the order of `expected`
};

// Matrices have deviation 1 / sqrt(fan in), which keeps every activation near one in size; norm
// scales lie around one. Refused where the memory is not there.
Result<DummyWeights> make_dummy_weights(const std::vector<ExpectedTensor>& expected, DType dtype,
                                        std::uint64_t seed, int num_threads,
                                        const Progress& progress);

}  // namespace parapet
