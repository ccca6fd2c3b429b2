// A linear weight used in place: rows [out, in] where the checkpoint has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "device/device.h"

namespace parapet {

class HostLinear final : public LinearWeight {
 public:
  // Refuses parts of differing type or width, and types that are no floats.
  static Result<std::unique_ptr<LinearWeight>> make(std::span<const TensorView> parts);

  std::int64_t in_features() const override { return in_features_; }
  std::int64_t out_features() const override { return out_features_; }
  DType dtype() const { return dtype_; }
  std::size_t row_bytes() const {
    return static_cast<std::size_t>(in_features_) * dtype_size(dtype_);
  }

  // Neighbouring rows that lie one after the other in memory.
  struct Run {
    const std::byte* data;
    std::int64_t rows;
  };
  // The longest run that begins at `row` and is no longer than max_rows.
  Run run(std::int64_t row, std::int64_t max_rows) const;

 private:
  struct Part {
    const std::byte* data;
    std::int64_t end;  // first row of the next part
  };

  HostLinear() = default;

  std::vector<Part> parts_;
  DType dtype_ = DType::kF32;
  std::int64_t in_features_ = 0;
  std::int64_t out_features_ = 0;
};

}  // namespace parapet
