#include "checkpoint/input_factors.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/half.h"
#include "base/parallel.h"
#include "checkpoint/fused_matrices.h"

namespace parapet {
namespace {

constexpr std::int64_t kRowsPerTask = 64;
constexpr double kLargestFactor = 8;

// sums[c] += the squares of the column's elements, rows in order.
template <class T, class ToFloat>
void add_squares(const T* rows, std::int64_t num_rows, const ToFloat& to_float,
                 std::span<float> sums) {
  for (std::int64_t r = 0; r < num_rows; ++r) {
    for (float& sum : sums) {
      const float value = to_float(*rows++);
      sum += value * value;
    }
  }
}

void add_squares(const WeightTensor& matrix, std::int64_t first_row, std::int64_t num_rows,
                 std::span<float> sums) {
  const std::int64_t offset = first_row * matrix.shape[1];
  const auto* const halves = static_cast<const std::uint16_t*>(matrix.data);
  switch (matrix.dtype) {
    case DType::kBF16: return add_squares(halves + offset, num_rows, bf16_to_f32, sums);
    case DType::kF16: return add_squares(halves + offset, num_rows, f16_to_f32, sums);
    default:
      return add_squares(
          static_cast<const float*>(matrix.data) + offset, num_rows,
          [](float value) { return value; }, sums);
  }
}

// Of each column the mean square, over that of the matrix.
std::vector<double> relative_squares(const WeightTensor& matrix, int num_threads) {
  PARAPET_CHECK(matrix.shape.size() == 2 && is_float(matrix.dtype));
  const std::int64_t rows = matrix.shape[0];
  const auto columns = static_cast<std::size_t>(matrix.shape[1]);
  const auto tasks = static_cast<std::size_t>((rows + kRowsPerTask - 1) / kRowsPerTask);
  std::vector<float> partial(tasks * columns);
  const auto task = [&](std::size_t index) {
    const std::int64_t first = static_cast<std::int64_t>(index) * kRowsPerTask;
    add_squares(matrix, first, std::min(kRowsPerTask, rows - first),
                std::span(partial).subspan(index * columns, columns));
  };
  for_each_task(tasks, num_threads, task, {});
  std::vector<double> squares(columns);
  double whole = 0;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t i = 0; i < tasks; ++i) squares[c] += double{partial[i * columns + c]};
    if (std::isfinite(squares[c])) whole += squares[c];
  }
  const double mean = whole / static_cast<double>(columns);
  for (double& square : squares) square = mean > 0 ? square / mean : 0;
  return squares;
}

}  // namespace

std::vector<std::uint16_t> make_input_factors(std::span<const WeightTensor> matrices,
                                              int num_threads) {
  std::vector<double> largest = relative_squares(matrices.front(), num_threads);
  for (const WeightTensor& matrix : matrices.subspan(1)) {
    const std::vector<double> squares = relative_squares(matrix, num_threads);
    PARAPET_CHECK(squares.size() == largest.size());
    for (std::size_t c = 0; c < largest.size(); ++c) largest[c] = std::max(largest[c], squares[c]);
  }
  std::vector<std::uint16_t> factors;
  for (const double square : largest) {
    const double root = square > 0 && std::isfinite(square) ? std::sqrt(std::sqrt(square)) : 1.0;
    factors.push_back(
        f32_to_bf16(static_cast<float>(std::clamp(root, 1 / kLargestFactor, kLargestFactor))));
  }
  return factors;
}

void InputFactors::fill(const std::string& name, const PackedBuffer& buffer) {
  if (!buffer.shape.has_input_factors) return;
  const std::vector<std::string> fused = fused_matrices(name);
  if (first_ != fused.front()) {
    std::vector<WeightTensor> matrices;
    matrices.reserve(fused.size());
    for (const std::string& each : fused) matrices.push_back(weights_.at(each));
    factors_ = make_input_factors(matrices, num_threads_);
    first_ = fused.front();
  }
  PARAPET_CHECK(std::ssize(factors_) == buffer.shape.in_features);
  std::ranges::copy(factors_, buffer.input_factors);
}

}  // namespace parapet
