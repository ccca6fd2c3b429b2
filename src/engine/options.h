// How large an engine is: what its owner asks for, and what that comes to for one model.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/dtype.h"
#include "checkpoint/config.h"
#include "parapet/error.h"

namespace parapet {

struct EngineOptions {
  std::int64_t max_model_len = 0;   // prompt and answer together; 0: the model's own maximum
  std::int64_t max_num_seqs = 256;  // sequences in one step
  std::int64_t max_num_batched_tokens = 2048;  // tokens in one step; longer prompts take several
  std::int64_t block_size = 16;                // tokens in one block of the KV cache
  std::int64_t num_kv_blocks = 0;              // 0: as many as kv_cache_bytes holds
  std::int64_t kv_cache_bytes = std::int64_t{4} << 30;
  // Empty: bf16 for a bf16 checkpoint, else f32.
  std::optional<DType> kv_cache_dtype = std::nullopt;
  bool enable_prefix_caching = true;
  bool enforce_eager = false;
  // Rows that a captured step may have; empty: vLLM's rule, up to max_num_seqs.
  std::vector<std::int64_t> capture_sizes = {};
  std::int64_t max_num_requests = 1'000'000;  // waiting and running together
};

// The same with nothing left open: every value positive, consistent and small enough for i32.
struct EngineLimits {
  std::int64_t vocab_size = 0;
  std::int64_t max_model_len = 0;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;
  std::int64_t block_size = 0;
  std::int64_t num_kv_blocks = 0;
  DType kv_cache_dtype = DType::kF32;
  bool enable_prefix_caching = true;
  std::vector<std::int64_t> capture_sizes = {};  // rising; empty: every step runs eagerly
  std::int64_t max_num_requests = 0;

  static Result<EngineLimits> resolve(const EngineOptions& options, const ModelConfig& config);

  std::int64_t blocks_for(std::int64_t num_tokens) const {
    return (num_tokens + block_size - 1) / block_size;
  }
  std::int64_t max_blocks_per_seq() const { return blocks_for(max_model_len); }
  std::int64_t kv_cache_tokens() const { return num_kv_blocks * block_size; }
};

// 1, 2, 4, then every 8th to 256, then every 16th, as far as `largest`: 35 sizes at 256.
std::vector<std::int64_t> default_capture_sizes(std::int64_t largest);

}  // namespace parapet
