// An array on the host and its place on the device: how a step's numbers cross over.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

// The device's side is allocated once, for the largest size, and never moves. The host's side must
// stay as it is from a copy until the stream has passed it.
template <class T>
class DeviceArray {
 public:
  static_assert(std::is_same_v<T, std::int32_t> || std::is_same_v<T, float>);

  DeviceArray() = default;  // no room at all
  static Result<DeviceArray> allocate(Device& device, std::int64_t capacity) {
    DeviceArray array;
    PARAPET_ASSIGN(array.buffer_, device.allocate(static_cast<std::size_t>(capacity) * sizeof(T)));
    array.capacity_ = capacity;
    return array;
  }

  std::int64_t capacity() const { return capacity_; }
  std::vector<T>& host() { return host_; }
  const std::vector<T>& host() const { return host_; }

  void upload(Stream& stream) {
    PARAPET_CHECK(std::ssize(host_) <= capacity_);
    stream.copy_to_device(buffer_->data(), host_.data(), host_.size() * sizeof(T));
  }
  void download(Stream& stream) {
    PARAPET_CHECK(std::ssize(host_) <= capacity_);
    stream.copy_to_host(host_.data(), buffer_->data(), host_.size() * sizeof(T));
  }

  // As many elements on the device as the host's side has.
  TensorView view() const { return {buffer_->data(), kDType, {std::ssize(host_)}}; }
  TensorView view(std::int64_t rows, std::int64_t columns) const {
    PARAPET_CHECK(rows * columns == std::ssize(host_));
    return {buffer_->data(), kDType, {rows, columns}};
  }
  // Elements [begin, begin + count), or rows of `columns` elements each.
  TensorView slice(std::int64_t begin, std::int64_t count) const {
    PARAPET_CHECK(begin >= 0 && begin + count <= capacity_);
    return {static_cast<T*>(buffer_->data()) + begin, kDType, {count}};
  }
  TensorView slice_rows(std::int64_t begin, std::int64_t count, std::int64_t columns) const {
    return {slice(begin * columns, count * columns).data(), kDType, {count, columns}};
  }

 private:
  static constexpr DType kDType = std::is_same_v<T, float> ? DType::kF32 : DType::kI32;

  std::vector<T> host_;
  std::unique_ptr<Buffer> buffer_;
  std::int64_t capacity_ = 0;
};

}  // namespace parapet
