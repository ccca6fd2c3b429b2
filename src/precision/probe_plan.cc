#include "precision/probe_plan.h"

#include <algorithm>
#include <utility>

namespace parapet {
namespace {

std::int64_t common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

// Blocks that a prompt begins with and need not compute again.
using Blocks = std::span<const std::int32_t>;

// The longest of the prompts before number `own`, those of earlier plans included.
Blocks longest_shared(std::span<const CachedPrompt> cached, std::span<const PlannedPrompt> prompts,
                      std::size_t own, const ProbePlan& plan, std::int64_t block_size) {
  Blocks longest;
  const auto consider = [&](std::span<const TokenId> ids, std::int64_t shareable, Blocks table) {
    const std::int64_t tokens =
        std::min({common_beginning(prompts[own].ids, ids), prompts[own].first_read, shareable});
    if (tokens / block_size > std::ssize(longest)) {
      longest = table.first(static_cast<std::size_t>(tokens / block_size));
    }
  };
  for (const CachedPrompt& each : cached) consider(each.ids, each.shareable, each.block_table);
  for (std::size_t other = 0; other < own; ++other) {
    consider(prompts[other].ids, prompts[other].shareable, plan.block_tables[other]);
  }
  return longest;
}

std::int32_t first_free_block(std::span<const CachedPrompt> cached) {
  std::int32_t next = 0;
  for (const CachedPrompt& each : cached) {
    for (const std::int32_t block : each.block_table) next = std::max(next, block + 1);
  }
  return next;
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

ProbePlan plan_probe(std::span<const CachedPrompt> cached, std::span<const PlannedPrompt> prompts,
                     std::int64_t num_blocks, std::int64_t block_size, std::int64_t max_rows) {
  ProbePlan plan;
  StepFiller steps(max_rows, plan.steps);
  std::int32_t next_block = first_free_block(cached);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::int64_t length = std::ssize(prompts[i].ids);
    const std::int64_t needed = (length + prompts[i].room + block_size - 1) / block_size;
    const Blocks shared = longest_shared(cached, prompts, i, plan, block_size);
    if (next_block + needed - std::ssize(shared) > num_blocks) break;
    steps.add(i, std::ssize(shared) * block_size, length);
    std::vector<std::int32_t> table(shared.begin(), shared.end());
    while (std::ssize(table) < needed) table.push_back(next_block++);
    plan.block_tables.push_back(std::move(table));
  }
  return plan;
}

}  // namespace parapet
