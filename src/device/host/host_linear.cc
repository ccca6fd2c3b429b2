#include "device/host/host_linear.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace parapet {

Result<std::unique_ptr<LinearWeight>> HostLinear::make(std::span<const TensorView> parts) {
  std::unique_ptr<HostLinear> linear(new HostLinear());
  for (const TensorView& part : parts) {
    const bool first = linear->parts_.empty();
    if (part.rank() != 2 || !is_float(part.dtype()) || (part.null() && part.size() > 0)) {
      return Error{ErrorCode::kInvalidArgument,
                   "a linear weight must be a float matrix [out, in]; found " +
                       std::string(dtype_name(part.dtype())) + " of rank " +
                       std::to_string(part.rank())};
    }
    if (!first && (part.dtype() != linear->dtype_ || part.dim(1) != linear->in_features_)) {
      return Error{
          ErrorCode::kInvalidArgument,
          "stacked linear weights must agree; found " + std::string(dtype_name(part.dtype())) +
              " with " + std::to_string(part.dim(1)) + " inputs beside " +
              dtype_name(linear->dtype_) + " with " + std::to_string(linear->in_features_)};
    }
    linear->dtype_ = part.dtype();
    linear->in_features_ = part.dim(1);
    linear->out_features_ += part.dim(0);
    linear->parts_.push_back({part.as<const std::byte>(), linear->out_features_});
  }
  if (linear->parts_.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a linear weight needs at least one matrix"};
  }
  return std::unique_ptr<LinearWeight>(std::move(linear));
}

HostLinear::Run HostLinear::run(std::int64_t row, std::int64_t max_rows) const {
  PARAPET_CHECK(row >= 0 && row < out_features_);
  std::int64_t begin = 0;
  for (const Part& part : parts_) {
    if (row < part.end) {
      const std::int64_t offset = row - begin;
      return {part.data + static_cast<std::size_t>(offset) * row_bytes(),
              std::min(max_rows, part.end - row)};
    }
    begin = part.end;
  }
  PARAPET_CHECK(false);
  return {};
}

}  // namespace parapet
