#include "precision/probe_plan.h"

#include <algorithm>

namespace parapet {
namespace {

std::int64_t common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

// Whole blocks of an earlier prompt that this one begins with and need not compute again.
struct Shared {
  std::size_t prompt = 0;
  std::int64_t blocks = 0;
};

Shared longest_shared(std::span<const PlannedPrompt> prompts, std::size_t own,
                      std::int64_t block_size) {
  Shared longest;
  for (std::size_t other = 0; other < own; ++other) {
    const std::int64_t tokens = std::min({common_beginning(prompts[own].ids, prompts[other].ids),
                                          prompts[own].first_read, prompts[other].shareable});
    if (tokens / block_size > longest.blocks) longest = {other, tokens / block_size};
  }
  return longest;
}

// Fills steps to max_rows, one prompt after the other.
class StepFiller {
 public:
  StepFiller(std::int64_t max_rows, std::vector<std::vector<ProbePiece>>& steps)
      : max_rows_(max_rows), steps_(steps) {}

  void add(std::size_t prompt, std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      if (steps_.empty() || rows_ == max_rows_) {
        steps_.emplace_back();
        rows_ = 0;
      }
      const std::int64_t rows = std::min(end - begin, max_rows_ - rows_);
      steps_.back().push_back({prompt, begin, begin + rows});
      begin += rows;
      rows_ += rows;
    }
  }

 private:
  std::int64_t max_rows_;
  std::vector<std::vector<ProbePiece>>& steps_;
  std::int64_t rows_ = 0;  // of the last step
};

}  // namespace

ProbePlan plan_probe(std::span<const PlannedPrompt> prompts, std::int64_t num_blocks,
                     std::int64_t block_size, std::int64_t max_rows) {
  ProbePlan plan;
  StepFiller steps(max_rows, plan.steps);
  std::int32_t next_block = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::int64_t length = std::ssize(prompts[i].ids);
    const std::int64_t needed = (length + prompts[i].room + block_size - 1) / block_size;
    const Shared shared = longest_shared(prompts, i, block_size);
    if (next_block + needed - shared.blocks > num_blocks) break;
    std::vector<std::int32_t> table;
    if (shared.blocks > 0) {
      const auto& from = plan.block_tables[shared.prompt];
      table.assign(from.begin(), from.begin() + shared.blocks);
    }
    while (std::ssize(table) < needed) table.push_back(next_block++);
    plan.block_tables.push_back(std::move(table));
    steps.add(i, shared.blocks * block_size, length);
  }
  return plan;
}

}  // namespace parapet
