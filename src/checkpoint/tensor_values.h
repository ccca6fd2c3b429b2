// Single elements of a dense tensor, and the search for those that are not numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint/weights.h"

namespace parapet {

std::int64_t num_elements(const std::vector<std::int64_t>& shape);
std::uint64_t num_bytes(const WeightTensor& tensor);

float element(const WeightTensor& tensor, std::int64_t index);

// The first NaN or infinity of a tensor in f32, bf16 or f16. Reads at the speed of memory.
std::optional<std::int64_t> first_not_finite(const WeightTensor& tensor);

// "element 2 is nan", for messages.
std::string element_text(const WeightTensor& tensor, std::int64_t index);

}  // namespace parapet
