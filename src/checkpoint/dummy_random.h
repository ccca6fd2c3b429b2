// The random numbers of dummy weights: a function of seed, tensor and element, not of history, so
// that blocks may be made in any order by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace parapet {

// Elements that share one key, and the unit of work of a thread: 512 KiB of bfloat16, enough that
// handing blocks out costs nothing, few enough that a progress bar moves.
inline constexpr std::int64_t kDummyBlockElements = std::int64_t{1} << 18;

// Which numbers, and their distribution.
struct DummyBlock {
  std::uint64_t seed = 0;
  std::uint64_t tensor = 0;
  std::uint64_t block = 0;  // elements [block * kDummyBlockElements, ...) of the tensor
  float mean = 0;
  float deviation = 0;
};

// Writes the first `count` numbers of the block as bfloat16 or float32. The distribution is the
// sum of four uniform bytes (Irwin-Hall): 1,021 values, normal to the eye, within 3.46 deviations.
void fill_dummy_block(const DummyBlock& block, DType dtype, void* out, std::int64_t count);

// Trained models have a few inputs with far larger weights than the rest, which is what makes them
// hard to quantize: of a matrix of `fan_in` columns these are one in 512, and none of fewer. In
// ascending order; a function of seed and tensor.
std::vector<std::int64_t> dummy_outlier_columns(std::uint64_t seed, std::uint64_t tensor,
                                                std::int64_t fan_in);
inline constexpr int kDummyOutlierFactor = 8;  // a power of two: multiplying rounds nothing

// Multiplies those columns' elements among the first `count` of the block.
void enlarge_dummy_columns(const DummyBlock& block, std::span<const std::int64_t> columns,
                           std::int64_t fan_in, DType dtype, void* out, std::int64_t count);

}  // namespace parapet
