// A quantized linear weight used in place: panels where the checkpoint, or whoever packed, has
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/packed_weight.h"
#include "device/device.h"

namespace parapet {

class HostPackedLinear final : public LinearWeight {
 public:
  // Refuses parts of differing format, group size, width or factors of inputs.
  static Result<std::unique_ptr<LinearWeight>> make(std::span<const PackedMatrix> parts);

  std::int64_t in_features() const override { return in_features_; }
  std::int64_t out_features() const override { return out_features_; }
  WeightFormat format() const { return parts_.front().matrix.shape.format; }
  std::int64_t group_size() const { return parts_.front().matrix.shape.group_size; }
  std::int64_t groups() const { return parts_.front().matrix.shape.groups(); }

  // A matrix, and which row of the stacked one its first row is.
  struct Part {
    PackedMatrix matrix;
    std::int64_t first_feature;
  };
  std::span<const Part> parts() const { return parts_; }
  // The parts of one of `bands` equal ranges of features. A bug of the caller where they do not
  // fall apart into such ranges, which must look alike.
  std::span<const Part> band(int band, int bands) const;

  // What the inputs are multiplied with before they are quantized: in_features() floats, or empty.
  std::span<const float> input_factors() const { return input_factors_; }

  // Row `feature`: scale * (code - zero), times its input's factor, in_features() floats; exact.
  void dequantize_row(std::int64_t feature, float* out) const;

 private:
  HostPackedLinear() = default;

  std::vector<Part> parts_;           // at least one
  std::vector<float> input_factors_;  // of all parts
  std::int64_t in_features_ = 0;
  std::int64_t out_features_ = 0;
};

}  // namespace parapet
