#include "checkpoint/dummy_weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"
#include "checkpoint/dummy_random.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

constexpr float kNormScaleDeviation = 0.05F;  // shows a forgotten scale, disturbs nothing else

// What all blocks of a tensor share.
struct Columns {
  std::int64_t fan_in = 0;
  std::vector<std::int64_t> outliers;
};

// One block of one tensor, and where it goes.
struct Task {
  DummyBlock block;
  std::shared_ptr<const Columns> columns;
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
  const std::int64_t fan_in = tensor.shape.back();
  const auto columns = std::make_shared<Columns>();
  columns->fan_in = fan_in;
  if (!is_norm) columns->outliers = dummy_outlier_columns(seed, index, fan_in);
  const std::int64_t count = num_elements(tensor.shape);
  for (std::int64_t done = 0; done < count; done += kDummyBlockElements, ++block.block) {
    tasks.push_back({block, columns, out, std::min(kDummyBlockElements, count - done)});
    out += kDummyBlockElements * static_cast<std::int64_t>(dtype_size(tensor.dtype));
  }
}

// Runs all tasks on num_threads threads; only this one reports progress.
void run_tasks(const std::vector<Task>& tasks, DType dtype, std::uint64_t total, int num_threads,
               const Progress& progress) {
  std::atomic<std::uint64_t> done = 0;
  const auto fill = [&](std::size_t i) {
    const Task& task = tasks[i];
    fill_dummy_block(task.block, dtype, task.out, task.count);
    enlarge_dummy_columns(task.block, task.columns->outliers, task.columns->fan_in, dtype, task.out,
                          task.count);
    done += static_cast<std::uint64_t>(task.count) * dtype_size(dtype);
  };
  std::function<void()> report;
  if (progress) report = [&] { progress(done, total); };
  for_each_task(tasks.size(), num_threads, fill, report);
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
  return check_memory_for("dummy weights", bytes);
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
    extent += aligned_size(size);
  }
  PARAPET_TRY(check_request(dtype, num_threads, extent));
  PARAPET_ASSIGN(AnonymousMemory memory, AnonymousMemory::reserve(extent));

  std::vector<WeightTensor> tensors;
  std::vector<Task> tasks;
  std::byte* out = memory.bytes().data();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    tensors.push_back({out, dtype, expected[i].shape});
    add_tasks(tensors.back(), i, seed, out, tasks);
    out += aligned_size(static_cast<std::uint64_t>(num_elements(expected[i].shape)) *
                        dtype_size(dtype));
  }
  run_tasks(tasks, dtype, bytes, num_threads, progress);
  return DummyWeights{std::move(memory), std::move(tensors)};
}

}  // namespace parapet
