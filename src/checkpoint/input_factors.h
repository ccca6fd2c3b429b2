// Factors that even out the columns of matrices before they are quantized.
//
// Weights and activations share their scales in groups of inputs, so that one large column makes
// all of its group coarse. A product does not change where a column is divided by a factor and its
// input multiplied with it. The root of a column's relative size leaves half of what sticks out, in
// powers of ten, to either side (SmoothQuant, Xiao et al. 2022, with alpha 1/2; here without
// activations that were observed: inputs count as equally large).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/packed_memory.h"
#include "checkpoint/weights.h"

namespace parapet {

// bf16 bits [in] for matrices [out, in], in f32, bf16 or f16, that have one input: the square root
// of a column's root mean square over that of its matrix, of the matrix where it is largest, from
// 1/8 to 8. A column of zeros, or with a number that is not finite, has 1. The same on every
// machine and for every number of threads.
std::vector<std::uint16_t> make_input_factors(std::span<const WeightTensor> matrices,
                                              int num_threads);

// The factors of one checkpoint's matrices, made as they are asked for.
class InputFactors {
 public:
  InputFactors(const Weights& weights, int num_threads)
      : weights_(weights), num_threads_(num_threads) {}

  // Writes those of the dense matrix `name` where the buffer's shape has any. Matrices that are
  // fused must be asked for in the order of the model, and all be dense when the first one is.
  void fill(const std::string& name, const PackedBuffer& buffer);

 private:
  const Weights& weights_;
  const int num_threads_;
  std::string first_;  // of the fused matrices that factors_ are for
  std::vector<std::uint16_t> factors_;
};

}  // namespace parapet
