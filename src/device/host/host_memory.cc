#include "device/host/host_memory.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "base/huge_pages.h"

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

void AlignedDelete::operator()(std::byte* bytes) const { std::free(bytes); }

AlignedBytes try_allocate_aligned(std::size_t bytes) {
  // No object is larger than half the address space; rounding the size up would go past it.
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) return nullptr;
  const std::size_t alignment = bytes < kHugePage ? kHostAlignment : kHugePage;
  const std::size_t rounded =
      std::max<std::size_t>((bytes + alignment - 1) / alignment, 1) * alignment;
  return AlignedBytes(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
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
  prefer_huge_pages(memory.get(), bytes);
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
    // Whole large pages, even for less than one: kernels go through all of it, over and over.
    const std::size_t bytes =
        needed < kHugePage / 8 ? needed : (needed + kHugePage - 1) / kHugePage * kHugePage;
    bytes_ = allocate_aligned(bytes);
    prefer_huge_pages(bytes_.get(), bytes);
    capacity_ = bytes;
  }
  return reinterpret_cast<float*>(bytes_.get());
}

}  // namespace parapet
