#include "checkpoint/tensor_values.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/half.h"

namespace parapet {
namespace {

// NaN and infinity are what has all bits of the exponent set.
template <class Bits>
std::optional<std::int64_t> find_exponent(const void* data, std::int64_t count, Bits exponent) {
  constexpr std::int64_t kBlock = 4096;  // counted without a branch, so with vectors
  const auto* bits = static_cast<const Bits*>(data);
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t end = std::min(begin + kBlock, count);
    Bits found = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      found = static_cast<Bits>(found | ((bits[i] & exponent) == exponent ? 1U : 0U));
    }
    if (found == 0) continue;
    const Bits* first = std::find_if(bits + begin, bits + end, [exponent](Bits value) {
      return (value & exponent) == exponent;
    });
    return first - bits;
  }
  return std::nullopt;
}

}  // namespace

std::int64_t num_elements(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::uint64_t num_bytes(const WeightTensor& tensor) {
  return static_cast<std::uint64_t>(num_elements(tensor.shape)) * dtype_size(tensor.dtype);
}

float element(const WeightTensor& tensor, std::int64_t index) {
  const auto* bytes = static_cast<const std::byte*>(tensor.data) +
                      index * static_cast<std::int64_t>(dtype_size(tensor.dtype));
  if (tensor.dtype == DType::kF32) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return tensor.dtype == DType::kBF16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

std::optional<std::int64_t> first_not_finite(const WeightTensor& tensor) {
  PARAPET_CHECK(is_float(tensor.dtype));
  const std::int64_t count = num_elements(tensor.shape);
  switch (tensor.dtype) {
    case DType::kBF16: return find_exponent<std::uint16_t>(tensor.data, count, 0x7f80U);
    case DType::kF16: return find_exponent<std::uint16_t>(tensor.data, count, 0x7c00U);
    default: return find_exponent<std::uint32_t>(tensor.data, count, 0x7f800000U);
  }
}

std::string element_text(const WeightTensor& tensor, std::int64_t index) {
  return "element " + std::to_string(index) + " is " + std::to_string(element(tensor, index));
}

}  // namespace parapet
