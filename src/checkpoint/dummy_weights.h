// Seeded random weights, for measuring without a checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/weights.h"

namespace parapet {

// Private memory of this process, zero until written; pages are taken as they are touched.
class AnonymousMemory {
 public:
  static Result<AnonymousMemory> reserve(std::uint64_t bytes);

  AnonymousMemory(AnonymousMemory&& other) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&& other) noexcept;
  AnonymousMemory(const AnonymousMemory&) = delete;
  AnonymousMemory& operator=(const AnonymousMemory&) = delete;
  ~AnonymousMemory();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit AnonymousMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

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
