#include "device/cpu/attention.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "device/cpu/kv_panels.h"

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
  int* visible;    // [rows]
  PanelScratch panels[kChunkPanels];
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
    const std::size_t panel = dim * kPanelKeys;
    const std::size_t floats =
        rows * (2 * dim + kChunkKeys + 3) + 2 * panel * kChunkPanels + panel / 2;
    return (floats + 15) / 16 * 16;
  }

  Scratch cut(float* memory) const {
    const auto take = [&memory](std::int64_t count) {
      float* const array = memory;
      memory += count;
      return array;
    };
    Scratch scratch{};
    const std::int64_t panel_size = std::int64_t{dim_} * kPanelKeys;
    auto* const gathered = reinterpret_cast<std::byte*>(take(panel_size / 2));
    for (PanelScratch& panel : scratch.panels) {
      panel = {.keys = take(panel_size), .values = take(panel_size), .gathered = gathered};
    }
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

    const KvPanels panels(kernels_, job_.cache, job_.layer, task.kv_head,
                          {job_.batch, task.seq, job_.cache.spec().block_size});
    // Keys that the first and the last token see.
    const int context = job_.batch.context_lens.as<const std::int32_t>()[task.seq];
    const int last = context - (query_start()[task.seq + 1] - task.end);
    const int first = last - (task.end - task.begin) + 1;
    for (int key = 0; key < last; key += kChunkKeys) {
      for (int row = 0; row < rows; ++row) {
        scratch.visible[row] = std::min(first + row / group_ - key, kChunkKeys);
      }
      kernels_.attend(make_chunk(panels, scratch, rows, key, std::min(last - key, kChunkKeys)));
    }
    for (int row = 0; row < rows; ++row) {
      float* const out = head_row(job_.out, task, row);
      for (int d = 0; d < dim_; ++d) {
        out[d] = scratch.out[std::int64_t{row} * dim_ + d] / scratch.sum[row];
      }
    }
  }

  AttentionChunk make_chunk(const KvPanels& panels, const Scratch& scratch, int rows, int key,
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
    for (int i = 0; i * kPanelKeys < num_keys; ++i) {
      const int count = std::min(kPanelKeys, num_keys - i * kPanelKeys);
      const Panel panel = panels.read(key + i * kPanelKeys, count, scratch.panels[i]);
      chunk.keys[i] = panel.keys;
      chunk.values[i] = panel.values;
    }
    return chunk;
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
