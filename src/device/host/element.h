// Reading and writing one element of any float type. Mapped checkpoints align nothing.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/dtype.h"
#include "base/half.h"

namespace parapet {

inline float load_element(const void* data, DType dtype, std::size_t index) {
  const auto* const address = static_cast<const std::byte*>(data) + index * dtype_size(dtype);
  if (dtype == DType::kF32) {
    float value = 0.0F;
    std::memcpy(&value, address, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, address, sizeof bits);
  return dtype == DType::kBF16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

// f32 or bf16: the float types that a KV cache may be made of.
inline void store_element(void* data, DType dtype, std::size_t index, float value) {
  auto* const address = static_cast<std::byte*>(data) + index * dtype_size(dtype);
  if (dtype == DType::kF32) {
    std::memcpy(address, &value, sizeof value);
  } else {
    const std::uint16_t bits = f32_to_bf16(value);
    std::memcpy(address, &bits, sizeof bits);
  }
}

}  // namespace parapet
