#include "checkpoint/dummy_weights.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "checkpoint/dummy_random.h"

namespace parapet {
namespace {

constexpr std::uint64_t kAlignment = 64;      // a cache line, and the widest vector
constexpr float kNormScaleDeviation = 0.05F;  // shows a forgotten scale, disturbs nothing else

std::int64_t num_elements(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::uint64_t padded(std::uint64_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

// One block of one tensor, and where it goes.
struct Task {
  DummyBlock block;
  std::byte* out;
  std::int64_t count;
};

void add_tasks(const WeightTensor& tensor, std::uint64_t index, std::uint64_t seed, std::byte* out,
               std::vector<Task>& tasks) {
  const bool is_norm = tensor.shape.size() == 1;
  DummyBlock block{.seed = seed, .tensor = index};
  block.mean = is_norm ? 1.0F : 0.0F;
  block.deviation =
      is_norm ? kNormScaleDeviation : 1.0F / std::sqrt(static_cast<float>(tensor.shape.back()));
  const std::int64_t count = num_elements(tensor.shape);
  for (std::int64_t done = 0; done < count; done += kDummyBlockElements, ++block.block) {
    tasks.push_back({block, out, std::min(kDummyBlockElements, count - done)});
    out += kDummyBlockElements * static_cast<std::int64_t>(dtype_size(tensor.dtype));
  }
}

// Runs all tasks on num_threads threads, this one among them; only this one reports progress.
void run_tasks(const std::vector<Task>& tasks, DType dtype, std::uint64_t total, int num_threads,
               const Progress& progress) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> done = 0;
  const auto work = [&](bool reports) {
    for (std::size_t i = next++; i < tasks.size(); i = next++) {
      fill_dummy_block(tasks[i].block, dtype, tasks[i].out, tasks[i].count);
      done += static_cast<std::uint64_t>(tasks[i].count) * dtype_size(dtype);
      if (reports && progress) progress(done, total);
    }
  };
  {
    std::vector<std::jthread> workers;
    const auto wanted = std::min(static_cast<std::size_t>(num_threads), tasks.size());
    try {
      while (workers.size() + 1 < wanted) workers.emplace_back(work, false);
    } catch (const std::system_error&) {
      // The system gives no more threads; the work is the same for fewer.
    }
    work(true);
  }
  if (progress) progress(total, total);
}

Status check_request(DType dtype, int num_threads, std::uint64_t bytes) {
  if (num_threads < 1) {
    return Error{
        ErrorCode::kInvalidArgument,
        "dummy weights: num_threads: " + std::to_string(num_threads) + "; must be at least 1"};
  }
  if (dtype != DType::kBF16 && dtype != DType::kF32) {
    return Error{ErrorCode::kUnsupported, std::string("dummy weights: dtype ") + dtype_name(dtype) +
                                              " is not supported; only bfloat16 and float32 are"};
  }
  if (const std::uint64_t available = available_memory(); bytes > available) {
    return Error{ErrorCode::kResourceExhausted,
                 "dummy weights: " + std::to_string(bytes) + " bytes are needed, " +
                     std::to_string(available) + " bytes of memory are available"};
  }
  return {};
}

}  // namespace

Result<DummyWeights> make_dummy_weights(const std::vector<ExpectedTensor>& expected, DType dtype,
                                        std::uint64_t seed, int num_threads,
                                        const Progress& progress) {
  std::uint64_t bytes = 0;   // of the tensors
  std::uint64_t extent = 0;  // of the memory they lie in, each aligned
  for (const ExpectedTensor& tensor : expected) {
    const std::uint64_t size =
        static_cast<std::uint64_t>(num_elements(tensor.shape)) * dtype_size(dtype);
    bytes += size;
    extent += padded(size);
  }
  PARAPET_TRY(check_request(dtype, num_threads, extent));
  PARAPET_ASSIGN(AnonymousMemory memory, AnonymousMemory::reserve(extent));

  std::vector<WeightTensor> tensors;
  std::vector<Task> tasks;
  std::byte* out = memory.bytes().data();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    tensors.push_back({out, dtype, expected[i].shape});
    add_tasks(tensors.back(), i, seed, out, tasks);
    out += padded(static_cast<std::uint64_t>(num_elements(expected[i].shape)) * dtype_size(dtype));
  }
  run_tasks(tasks, dtype, bytes, num_threads, progress);
  return DummyWeights{std::move(memory), std::move(tensors)};
}

Result<AnonymousMemory> AnonymousMemory::reserve(std::uint64_t bytes) {
  if (bytes == 0) return AnonymousMemory({});
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    return Error{ErrorCode::kResourceExhausted,
                 "cannot reserve " + std::to_string(bytes) + " bytes: " + std::strerror(errno)};
  }
  // Huge pages are a wish: fewer page faults while filling, fewer TLB misses afterwards.
  (void)::madvise(address, bytes, MADV_HUGEPAGE);
  return AnonymousMemory({static_cast<std::byte*>(address), bytes});
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

AnonymousMemory::~AnonymousMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace parapet
