#include "device/host/host_packed_linear.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/half.h"

namespace parapet {
namespace {

std::string describe(const PackedShape& shape) {
  return std::string(weight_format_name(shape.format)) + " in groups of " +
         std::to_string(shape.group_size) + " with " + std::to_string(shape.in_features) +
         " inputs" + (shape.has_input_factors ? " and factors" : "");
}

bool can_stack(const PackedShape& a, const PackedShape& b) {
  return a.format == b.format && a.group_size == b.group_size && a.in_features == b.in_features &&
         a.has_input_factors == b.has_input_factors;
}

std::span<const std::uint16_t> factors_of(const PackedMatrix& part) {
  if (!part.shape.has_input_factors) return {};
  return {part.input_factors, static_cast<std::size_t>(part.shape.in_features)};
}

Status check_part(const PackedMatrix& part, const PackedMatrix& front) {
  const PackedShape& first = front.shape;
  if (!can_stack(part.shape, first)) {
    return Error{ErrorCode::kInvalidArgument, "stacked packed weights must agree; found " +
                                                  describe(part.shape) + " beside " +
                                                  describe(first)};
  }
  if (!is_group_size(first.group_size)) {
    return Error{ErrorCode::kInvalidArgument, "packed weights: group_size is " +
                                                  std::to_string(first.group_size) +
                                                  ", expected 32, 64 or 128"};
  }
  if ((part.codes == nullptr || part.scales == nullptr) && part.shape.code_bytes() > 0) {
    return Error{ErrorCode::kInvalidArgument, "packed weights: no codes or no scales"};
  }
  if (!std::ranges::equal(factors_of(part), factors_of(front))) {
    return Error{ErrorCode::kInvalidArgument,
                 "stacked packed weights must have the same factors of inputs"};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LinearWeight>> HostPackedLinear::make(std::span<const PackedMatrix> parts) {
  if (parts.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a linear weight needs at least one matrix"};
  }
  std::unique_ptr<HostPackedLinear> linear(new HostPackedLinear());
  linear->in_features_ = parts.front().shape.in_features;
  for (const PackedMatrix& part : parts) {
    PARAPET_TRY(check_part(part, parts.front()));
    linear->parts_.push_back({part, linear->out_features_});
    linear->out_features_ += part.shape.out_features;
  }
  for (const std::uint16_t factor : factors_of(parts.front())) {
    linear->input_factors_.push_back(bf16_to_f32(factor));
  }
  return std::unique_ptr<LinearWeight>(std::move(linear));
}

std::span<const HostPackedLinear::Part> HostPackedLinear::band(int band, int bands) const {
  const std::size_t count = parts_.size() / static_cast<std::size_t>(bands);
  PARAPET_CHECK(count * static_cast<std::size_t>(bands) == parts_.size());
  const std::span<const Part> all = parts_;
  const auto own = all.subspan(count * static_cast<std::size_t>(band), count);
  for (std::size_t i = 0; i < count; ++i) {
    PARAPET_CHECK(own[i].matrix.shape.out_features == parts_[i].matrix.shape.out_features);
  }
  return own;
}

void HostPackedLinear::dequantize_row(std::int64_t feature, float* out) const {
  PARAPET_CHECK(feature >= 0 && feature < out_features_);
  auto part = parts_.rbegin();
  while (part->first_feature > feature) ++part;
  const PackedMatrix& matrix = part->matrix;
  const std::int64_t row = feature - part->first_feature;
  const int zero = weight_zero(matrix.shape.format);
  for (std::int64_t k = 0; k < in_features_; ++k) {
    const float scale = bf16_to_f32(matrix.scales[packed_scale_index(matrix.shape, row, k)]);
    out[k] = scale * static_cast<float>(packed_code(matrix, row, k) - zero);
    if (!input_factors_.empty()) out[k] *= input_factors_[static_cast<std::size_t>(k)];
  }
}

}  // namespace parapet
