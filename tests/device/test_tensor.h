// Tensors with known content for tests, and the ways to compare them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/half.h"
#include "device/tensor.h"
#include "gtest/gtest.h"

namespace parapet::test {

using Doubles = std::vector<double>;

// A matrix of numbers that its element type holds exactly, in memory as a checkpoint maps it: at an
// odd address, since nothing aligns a tensor in a file.
class TestTensor {
 public:
  TestTensor(DType dtype, std::int64_t rows, std::int64_t cols, unsigned seed, double spread = 1.0)
      : dtype_(dtype), rows_(rows), cols_(cols) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-static_cast<float>(spread),
                                                  static_cast<float>(spread));
    bytes_.resize(1 + static_cast<std::size_t>(rows * cols) * dtype_size(dtype));
    for (std::int64_t i = 0; i < rows * cols; ++i) append(uniform(random));
  }

  TensorView matrix() { return {data(), dtype_, {rows_, cols_}}; }
  TensorView vector() { return {data(), dtype_, {rows_ * cols_}}; }
  double at(std::int64_t row, std::int64_t col) const {
    return values_[static_cast<std::size_t>(row * cols_ + col)];
  }
  double at(std::int64_t i) const { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }

 private:
  void* data() { return bytes_.data() + 1; }

  void append(float value) {
    unsigned char* const to = bytes_.data() + 1 + values_.size() * dtype_size(dtype_);
    if (dtype_ == DType::kF32) {
      std::memcpy(to, &value, sizeof value);
    } else if (dtype_ == DType::kBF16) {
      const std::uint16_t bits = f32_to_bf16(value);
      std::memcpy(to, &bits, sizeof bits);
      value = bf16_to_f32(bits);
    } else {
      // Any pattern with an exponent of 14 or less is a half of magnitude below 1.
      const auto magnitude = static_cast<std::uint16_t>(std::abs(value) * 0x3bff);
      const auto bits = static_cast<std::uint16_t>(magnitude | (value < 0 ? 0x8000U : 0U));
      std::memcpy(to, &bits, sizeof bits);
      value = f16_to_f32(bits);
    }
    values_.push_back(value);
  }

  DType dtype_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::vector<unsigned char> bytes_;
  Doubles values_;
};

// Activations: aligned floats.
struct Floats {
  std::vector<float> values;
  std::int64_t rows;
  std::int64_t cols;

  Floats(std::int64_t row_count, std::int64_t col_count, float value = 0.0F)
      : values(static_cast<std::size_t>(row_count * col_count), value),
        rows(row_count),
        cols(col_count) {}

  static Floats random(std::int64_t rows, std::int64_t cols, unsigned seed, float spread = 1.0F) {
    Floats floats(rows, cols);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-spread, spread);
    for (float& value : floats.values) value = uniform(random);
    return floats;
  }

  TensorView view() { return {values.data(), DType::kF32, {rows, cols}}; }
  float* row(std::int64_t r) { return values.data() + r * cols; }
  const float* row(std::int64_t r) const { return values.data() + r * cols; }
  float at(std::int64_t r, std::int64_t c) const { return row(r)[c]; }
};

struct Ints {
  std::vector<std::int32_t> values;

  TensorView vector() {
    return {values.data(), DType::kI32, {static_cast<std::int64_t>(values.size())}};
  }
  TensorView matrix(std::int64_t cols) {
    return {values.data(), DType::kI32, {static_cast<std::int64_t>(values.size()) / cols, cols}};
  }
};

// The same floats, bit for bit.
inline testing::AssertionResult same_bits(const float* a, const float* b, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) {
      return testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace parapet::test
