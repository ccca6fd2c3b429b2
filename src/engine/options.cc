#include "engine/options.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/check.h"

namespace parapet {
namespace {

// Far above what helps, and small enough that no product of two of them overflows.
constexpr std::int64_t kMaxSeqs = 1 << 14;
constexpr std::int64_t kMaxBatchedTokens = 1 << 20;
constexpr std::int64_t kMaxBlockSize = 1 << 10;

Status check_range(const char* option, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return Error{ErrorCode::kInvalidArgument, std::string(option) + " is " + std::to_string(value) +
                                                ", expected " + std::to_string(low) + " to " +
                                                std::to_string(high)};
}

// Slots of the cache are numbered in i32.
std::int64_t most_blocks(std::int64_t block_size) {
  return std::numeric_limits<std::int32_t>::max() / block_size;
}

std::int64_t default_num_blocks(const EngineLimits& limits, const ModelConfig& config,
                                std::int64_t max_bytes) {
  const std::int64_t block_bytes =
      limits.block_size * config.kv_bytes_per_token(limits.kv_cache_dtype);
  return std::min({limits.max_num_seqs * limits.max_blocks_per_seq(), max_bytes / block_bytes,
                   most_blocks(limits.block_size)});
}

}  // namespace

Result<EngineLimits> EngineLimits::resolve(const EngineOptions& options,
                                           const ModelConfig& config) {
  EngineLimits limits;
  limits.vocab_size = config.vocab_size;
  limits.max_model_len =
      options.max_model_len == 0 ? config.max_position_embeddings : options.max_model_len;
  limits.max_num_seqs = options.max_num_seqs;
  limits.max_num_batched_tokens = options.max_num_batched_tokens;
  limits.block_size = options.block_size;
  limits.max_num_requests = options.max_num_requests;
  limits.kv_cache_dtype =
      options.kv_cache_dtype.value_or(config.dtype == DType::kBF16 ? DType::kBF16 : DType::kF32);

  PARAPET_TRY(
      check_range("max_model_len", limits.max_model_len, 2, config.max_position_embeddings));
  PARAPET_TRY(check_range("max_num_seqs", limits.max_num_seqs, 1, kMaxSeqs));
  // Every running sequence must be able to take its next token in each step.
  PARAPET_TRY(check_range("max_num_batched_tokens", limits.max_num_batched_tokens,
                          limits.max_num_seqs, kMaxBatchedTokens));
  PARAPET_TRY(check_range("block_size", limits.block_size, 1, kMaxBlockSize));
  PARAPET_TRY(check_range("max_num_requests", limits.max_num_requests, 1,
                          std::numeric_limits<std::int32_t>::max()));
  if (limits.kv_cache_dtype != DType::kF32 && limits.kv_cache_dtype != DType::kBF16) {
    return Error{ErrorCode::kUnsupported, std::string("kv_cache_dtype is ") +
                                              dtype_name(limits.kv_cache_dtype) +
                                              ", expected float32 or bfloat16"};
  }
  limits.num_kv_blocks = options.num_kv_blocks == 0
                             ? default_num_blocks(limits, config, options.max_kv_cache_bytes)
                             : options.num_kv_blocks;
  PARAPET_TRY(
      check_range("num_kv_blocks", limits.num_kv_blocks, 1, most_blocks(limits.block_size)));
  return limits;
}

}  // namespace parapet
