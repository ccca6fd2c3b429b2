// Element types of tensors, and their names in checkpoints and configurations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parapet {

enum class DType : std::uint8_t { kF32, kBF16, kF16, kI32 };

constexpr std::size_t dtype_size(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kI32 ? 4 : 2;
}

// "float32", "bfloat16", "float16", "int32": the names of config.json and of the command line.
const char* dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);

}  // namespace parapet
