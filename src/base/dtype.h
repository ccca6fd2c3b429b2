// Element types of tensors, and their names in checkpoints and configurations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parapet {

enum class DType : std::uint8_t { kF32, kBF16, kF16, kI32, kI8 };

constexpr std::size_t dtype_size(DType dtype) {
  if (dtype == DType::kI8) return 1;
  return dtype == DType::kF32 || dtype == DType::kI32 ? 4 : 2;
}

constexpr bool is_float(DType dtype) { return dtype != DType::kI32 && dtype != DType::kI8; }

// Bytes of one token's key, or value, of one head in a KV cache: int8 comes with a float scale.
constexpr std::size_t cached_row_bytes(DType dtype, std::size_t head_dim) {
  return head_dim * dtype_size(dtype) + (dtype == DType::kI8 ? sizeof(float) : 0);
}

// "float32", "bfloat16", "float16", "int32", "int8": the names of config.json and of the command
// line.
const char* dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);

}  // namespace parapet
