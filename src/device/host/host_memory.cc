#include "device/host/host_memory.h"

#include <limits>
#include <new>
#include <string>
#include <utility>

namespace parapet {
namespace {

class OwnedBuffer final : public Buffer {
 public:
  OwnedBuffer(AlignedBytes memory, std::size_t bytes) : memory_(std::move(memory)), bytes_(bytes) {}
  void* data() const override { return memory_.get(); }
  std::size_t bytes() const override { return bytes_; }

 private:
  AlignedBytes memory_;
  std::size_t bytes_;
};

class AliasBuffer final : public Buffer {
 public:
  AliasBuffer(void* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  void* data() const override { return data_; }
  std::size_t bytes() const override { return bytes_; }

 private:
  void* data_;
  std::size_t bytes_;
};

}  // namespace

void AlignedDelete::operator()(std::byte* bytes) const {
  ::operator delete[](bytes, std::align_val_t{kHostAlignment});
}

AlignedBytes try_allocate_aligned(std::size_t bytes) {
  // No object is larger than half the address space; operator new would round the size up past it.
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) return nullptr;
  return AlignedBytes(static_cast<std::byte*>(
      ::operator new[](bytes, std::align_val_t{kHostAlignment}, std::nothrow)));
}

AlignedBytes allocate_aligned(std::size_t bytes) {
  AlignedBytes memory = try_allocate_aligned(bytes);
  if (!memory) throw std::bad_alloc();
  return memory;
}

Result<std::unique_ptr<Buffer>> allocate_host_buffer(std::size_t bytes) {
  AlignedBytes memory = try_allocate_aligned(bytes);
  if (!memory) {
    return Error{ErrorCode::kResourceExhausted,
                 "cannot allocate " + std::to_string(bytes) + " bytes of host memory"};
  }
  return std::unique_ptr<Buffer>(std::make_unique<OwnedBuffer>(std::move(memory), bytes));
}

std::unique_ptr<Buffer> alias_host_memory(void* data, std::size_t bytes) {
  return std::make_unique<AliasBuffer>(data, bytes);
}

float* Workspace::floats(std::size_t count) {
  const std::size_t needed = count * sizeof(float);
  if (needed > capacity_) {
    bytes_.reset();
    capacity_ = 0;
    bytes_ = allocate_aligned(needed);
    capacity_ = needed;
  }
  return reinterpret_cast<float*>(bytes_.get());
}

}  // namespace parapet
