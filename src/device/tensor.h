// Views of arrays in device memory: a pointer, an element type and a shape. Nothing is owned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/check.h"
#include "base/dtype.h"

namespace parapet {

// A dense row-major array of up to four dimensions. `data` is an address of the device that made
// it; only the CPU may read it directly.
class TensorView {
 public:
  static constexpr int kMaxRank = 4;

  TensorView() = default;
  TensorView(void* data, DType dtype, std::initializer_list<std::int64_t> shape)
      : data_(data), dtype_(dtype) {
    PARAPET_CHECK(shape.size() <= kMaxRank);
    for (const std::int64_t extent : shape) {
      PARAPET_CHECK(extent >= 0);
      shape_[static_cast<std::size_t>(rank_++)] = extent;
    }
  }

  DType dtype() const { return dtype_; }
  int rank() const { return rank_; }
  std::int64_t dim(int axis) const { return shape_[static_cast<std::size_t>(axis)]; }
  bool null() const { return data_ == nullptr; }

  std::int64_t size() const {
    std::int64_t product = 1;
    for (int axis = 0; axis < rank_; ++axis) product *= dim(axis);
    return product;
  }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * dtype_size(dtype_); }

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

  // The first `rows` rows: a buffer made for the largest batch, used for a smaller one.
  TensorView first(std::int64_t rows) const {
    PARAPET_CHECK(rank_ > 0 && rows >= 0 && rows <= dim(0));
    TensorView view = *this;
    view.shape_[0] = rows;
    return view;
  }

 private:
  void* data_ = nullptr;
  DType dtype_ = DType::kF32;
  int rank_ = 0;
  std::array<std::int64_t, kMaxRank> shape_{};
};

}  // namespace parapet
