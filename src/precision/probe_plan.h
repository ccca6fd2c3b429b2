// How prompts share a KV cache and steps: what they begin with is stored and computed once, in one
// call or in several.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/types.h"

namespace parapet {

// Tokens [begin, end) of a prompt, as one sequence's part of a step.
struct ProbePiece {
  std::size_t prompt = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// What a plan needs to know of a prompt.
struct PlannedPrompt {
  std::span<const TokenId> ids;
  std::int64_t first_read = 0;  // the first position that is read; it and later ones are computed
  std::int64_t shareable = 0;   // tokens that later prompts may take from this one
  std::int64_t room = 0;        // tokens that may follow the ids
};

// A prompt of an earlier plan whose keys and values are still in the cache.
struct CachedPrompt {
  std::vector<TokenId> ids;
  std::vector<std::int32_t> block_table;
  std::int64_t shareable = 0;
};

struct ProbePlan {
  std::vector<std::vector<std::int32_t>> block_tables;  // one a prompt
  // Each step's pieces; a prompt's pieces are in order, and a shared block is computed in the step
  // in which it is first read, or before.
  std::vector<std::vector<ProbePiece>> steps;
};

// A plan for the first prompts that fit into the cache together, beside those that are in it: as
// many as there are block_tables, or none where the first alone does not fit. max_rows is at
// least 1.
ProbePlan plan_probe(std::span<const CachedPrompt> cached, std::span<const PlannedPrompt> prompts,
                     std::int64_t num_blocks, std::int64_t block_size, std::int64_t max_rows);

}  // namespace parapet
