#include "device/cpu/attention.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace parapet::cpu {
namespace {

// Query rows (tokens times heads of a group) that share one read of the keys and values. 48 rows
// make 96 multiplications of each element read; with 128 elements a head they take 48 KiB.
constexpr int kTileQueryRows = 48;

// Query tokens [begin, end) of one sequence, for one KV head.
struct Task {
  std::int64_t seq;
  int kv_head;
  int begin;
  int end;
};

// A thread's scratch memory, cut into arrays.
struct Scratch {
  float* queries;  // [rows, head_dim]
  float* out;      // [rows, head_dim]
  float* weights;  // [rows, kChunkKeys]
  float* max;      // [rows]
  float* sum;      // [rows]
  float* keys;     // [kChunkPanels, head_dim, kPanelKeys]
  float* values;   // [kChunkKeys, head_dim]
  int* visible;    // [rows]
};

class Attention {
 public:
  Attention(const KernelTable& kernels, const AttentionJob& job)
      : kernels_(kernels),
        job_(job),
        dim_(job.shape.head_dim),
        group_(job.shape.num_heads / job.shape.num_kv_heads),
        tile_tokens_(std::max(1, kTileQueryRows / group_)),
        rows_(tile_tokens_ * group_) {}

  void run(ThreadPool& pool, Workspace& workspace) {
    const std::vector<Task> tasks = make_tasks();
    const std::size_t per_thread = scratch_floats();
    float* const memory =
        workspace.floats(per_thread * static_cast<std::size_t>(pool.num_threads()));
    pool.run(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t item, int thread) {
      run_task(tasks[static_cast<std::size_t>(item)],
               cut(memory + per_thread * static_cast<std::size_t>(thread)));
    });
  }

 private:
  const std::int32_t* query_start() const {
    return job_.batch.query_start.as<const std::int32_t>();
  }

  // The latest tokens see the most keys: the longest tasks come first, short ones fill the gaps.
  std::vector<Task> make_tasks() const {
    std::vector<Task> tasks;
    for (std::int64_t seq = 0; seq < job_.batch.num_seqs(); ++seq) {
      const int first = query_start()[seq];
      for (int end = query_start()[seq + 1]; end > first; end -= tile_tokens_) {
        for (int head = 0; head < job_.shape.num_kv_heads; ++head) {
          tasks.push_back({seq, head, std::max(first, end - tile_tokens_), end});
        }
      }
    }
    return tasks;
  }

  std::size_t scratch_floats() const {
    const auto rows = static_cast<std::size_t>(rows_);
    const auto dim = static_cast<std::size_t>(dim_);
    const std::size_t floats = rows * (2 * dim + kChunkKeys + 3) + 2 * dim * kChunkKeys;
    return (floats + 15) / 16 * 16;
  }

  Scratch cut(float* memory) const {
    const auto take = [&memory](std::int64_t count) {
      float* const array = memory;
      memory += count;
      return array;
    };
    Scratch scratch{};
    scratch.keys = take(std::int64_t{dim_} * kChunkKeys);
    scratch.values = take(std::int64_t{dim_} * kChunkKeys);
    scratch.queries = take(std::int64_t{rows_} * dim_);
    scratch.out = take(std::int64_t{rows_} * dim_);
    scratch.weights = take(std::int64_t{rows_} * kChunkKeys);
    scratch.max = take(rows_);
    scratch.sum = take(rows_);
    scratch.visible = reinterpret_cast<int*>(take(rows_));
    return scratch;
  }

  float* head_row(const TensorView& tensor, const Task& task, int row) const {
    const std::int64_t token = task.begin + row / group_;
    const std::int64_t head = std::int64_t{task.kv_head} * group_ + row % group_;
    return tensor.as<float>() + token * tensor.dim(1) + head * dim_;
  }

  void run_task(const Task& task, const Scratch& scratch) const {
    const int rows = (task.end - task.begin) * group_;
    for (int row = 0; row < rows; ++row) {
      std::copy_n(head_row(job_.q, task, row), dim_, scratch.queries + std::int64_t{row} * dim_);
    }
    std::fill_n(scratch.out, std::int64_t{rows} * dim_, 0.0F);
    std::fill_n(scratch.max, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(scratch.sum, rows, 0.0F);

    // Keys that the first and the last token see.
    const int context = job_.batch.context_lens.as<const std::int32_t>()[task.seq];
    const int last = context - (query_start()[task.seq + 1] - task.end);
    const int first = last - (task.end - task.begin) + 1;
    for (int key = 0; key < last; key += kChunkKeys) {
      for (int row = 0; row < rows; ++row) {
        scratch.visible[row] = std::min(first + row / group_ - key, kChunkKeys);
      }
      kernels_.attend(make_chunk(task, scratch, rows, key, std::min(last - key, kChunkKeys)));
    }
    for (int row = 0; row < rows; ++row) {
      float* const out = head_row(job_.out, task, row);
      for (int d = 0; d < dim_; ++d) {
        out[d] = scratch.out[std::int64_t{row} * dim_ + d] / scratch.sum[row];
      }
    }
  }

  AttentionChunk make_chunk(const Task& task, const Scratch& scratch, int rows, int key,
                            int num_keys) const {
    AttentionChunk chunk{.rows = rows,
                         .head_dim = dim_,
                         .scale = job_.scale,
                         .queries = scratch.queries,
                         .keys = {},
                         .values = {},
                         .visible = scratch.visible,
                         .weights = scratch.weights,
                         .max = scratch.max,
                         .sum = scratch.sum,
                         .out = scratch.out};
    const std::int64_t panel_size = std::int64_t{dim_} * kPanelKeys;
    for (int panel = 0; panel * kPanelKeys < num_keys; ++panel) {
      const int begin = key + panel * kPanelKeys;
      const int count = std::min(kPanelKeys, num_keys - panel * kPanelKeys);
      float* const keys = scratch.keys + panel * panel_size;
      float* const values = scratch.values + panel * panel_size;
      if (job_.cache.panels_fill_blocks()) {
        whole_panel(task, begin, count, keys, values, chunk, panel);
      } else {
        gather_panel(task, begin, count, keys, values);
        chunk.keys[panel] = keys;
        chunk.values[panel] = values;
      }
    }
    return chunk;
  }

  std::int32_t block_of(const Task& task, int position) const {
    const TensorView& tables = job_.batch.block_tables;
    return tables.as<const std::int32_t>()[task.seq * tables.dim(1) +
                                           position / job_.cache.spec().block_size];
  }

  // The cache holds the panel as the kernel wants it: floats in place, other types widened.
  void whole_panel(const Task& task, int begin, int count, float* keys, float* values,
                   AttentionChunk& chunk, int panel) const {
    const KvCacheSpec& spec = job_.cache.spec();
    const int offset = begin % spec.block_size;
    const std::int32_t block = block_of(task, begin);
    const std::size_t element = dtype_size(spec.dtype);
    const std::byte* const key_bytes =
        job_.cache.keys() + job_.cache.key_index(job_.layer, block, task.kv_head, offset) * element;
    const std::byte* const value_bytes =
        job_.cache.values() +
        job_.cache.value_index(job_.layer, block, task.kv_head, offset) * element;
    if (spec.dtype == DType::kF32) {
      chunk.keys[panel] = reinterpret_cast<const float*>(key_bytes);
      chunk.values[panel] = reinterpret_cast<const float*>(value_bytes);
      return;
    }
    const auto widen = kernels_.widen[static_cast<int>(spec.dtype)];
    widen(key_bytes, std::int64_t{dim_} * kPanelKeys, keys);
    widen(value_bytes, std::int64_t{dim_} * count, values);
    chunk.keys[panel] = keys;
    chunk.values[panel] = values;
  }

  // Blocks of other sizes are gathered key by key, so that results do not depend on their size.
  void gather_panel(const Task& task, int begin, int count, float* keys, float* values) const {
    const KvCacheSpec& spec = job_.cache.spec();
    const auto widen = kernels_.widen[static_cast<int>(spec.dtype)];
    const std::size_t element = dtype_size(spec.dtype);
    for (int i = 0; i < count; ++i) {
      const int offset = (begin + i) % spec.block_size;
      const std::int32_t block = block_of(task, begin + i);
      const std::size_t key = job_.cache.key_index(job_.layer, block, task.kv_head, offset);
      const std::size_t value = job_.cache.value_index(job_.layer, block, task.kv_head, offset);
      for (int d = 0; d < dim_; ++d) {
        const std::size_t at = key + static_cast<std::size_t>(d) * kPanelKeys;
        widen(job_.cache.keys() + at * element, 1, keys + std::ptrdiff_t{d} * kPanelKeys + i);
      }
      widen(job_.cache.values() + value * element, dim_, values + std::ptrdiff_t{i} * dim_);
    }
  }

  const KernelTable& kernels_;
  const AttentionJob& job_;
  const int dim_;
  const int group_;        // query heads of one KV head
  const int tile_tokens_;  // query tokens of a task, at most
  const int rows_;         // query rows of a task, at most
};

}  // namespace

void run_attention(const KernelTable& kernels, ThreadPool& pool, Workspace& workspace,
                   const AttentionJob& job) {
  Attention(kernels, job).run(pool, workspace);
}

}  // namespace parapet::cpu
