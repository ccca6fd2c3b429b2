// How much memory the KV cache gets.
#pragma once

#include <cstdint>

#include "checkpoint/config.h"
#include "engine/options.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

// Bytes for the KV cache, from what the options say and, where they leave it open, from `available`
// bytes that this process may take. Weights mapped from files count as taken: they should stay in
// memory.
Result<std::int64_t> plan_kv_cache_bytes(const ModelOptions& options, const ModelConfig& config,
                                         std::int64_t weight_bytes, std::uint64_t available);

}  // namespace parapet
