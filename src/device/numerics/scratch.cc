#include "device/numerics/scratch.h"

#include <algorithm>

namespace parapet {

TensorView Scratch::matrix(std::int64_t rows, std::int64_t features) {
  const auto needed = static_cast<std::size_t>(std::max<std::int64_t>(rows * features, 1));
  if (memory_.empty() || needed > capacity_) {
    capacity_ = std::max(needed, 2 * capacity_);
    memory_.push_back(allocate_aligned(capacity_ * sizeof(float)));
  }
  return {memory_.back().get(), DType::kF32, {rows, features}};
}

}  // namespace parapet
