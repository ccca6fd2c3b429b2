// Weight matrices to measure with: random, and together larger than the caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bench/kernel_costs.h"
#include "checkpoint/anonymous_memory.h"
#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

// What lies between two uses of a byte that must come from memory each time.
inline constexpr std::int64_t kMoreThanCaches = std::int64_t{192} << 20;

// Uniform in +-1 with a few outliers, as activations are.
std::vector<float> random_floats(std::int64_t count, std::uint64_t seed);

// As many matrices [sum of outs, in] as it takes, each of its own numbers; next() goes around.
class RandomMatrices {
 public:
  static Result<RandomMatrices> make(Device& device, const MatrixFormat& format, std::int64_t in,
                                     std::span<const std::int64_t> outs);
  const LinearWeight& next() { return *linears_[turn_++ % linears_.size()]; }

 private:
  RandomMatrices() = default;

  std::optional<AnonymousMemory> memory_;  // as the weights of a checkpoint, on large pages
  std::vector<std::unique_ptr<LinearWeight>> linears_;
  std::size_t turn_ = 0;
};

}  // namespace parapet
