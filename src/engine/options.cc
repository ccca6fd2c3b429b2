#include "engine/options.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/refusal.h"

namespace parapet {
namespace {

// Far above what helps, and small enough that no product of two of them overflows.
constexpr std::int64_t kMaxSeqs = 1 << 14;
constexpr std::int64_t kMaxBatchedTokens = 1 << 20;
constexpr std::int64_t kMaxBlockSize = 1 << 10;
// Above it a step computes so long that what a captured one saves cannot be seen.
constexpr std::int64_t kMaxCaptureSize = 512;

// Slots of the cache are numbered in i32.
std::int64_t most_blocks(std::int64_t block_size) {
  return std::numeric_limits<std::int32_t>::max() / block_size;
}

std::int64_t block_bytes(const EngineLimits& limits, const ModelConfig& config) {
  return limits.block_size * config.kv_bytes_per_token(limits.kv_cache_dtype);
}

// No more than every sequence at full length could use.
Result<std::int64_t> blocks_in(std::int64_t bytes, const EngineLimits& limits,
                               const ModelConfig& config) {
  const std::int64_t one = block_bytes(limits, config);
  if (bytes < one) {
    return Error{ErrorCode::kInvalidArgument, "kv_cache_bytes is " + std::to_string(bytes) +
                                                  ", expected at least " + std::to_string(one) +
                                                  ": one block of " +
                                                  std::to_string(limits.block_size) + " tokens"};
  }
  return std::min({limits.max_num_seqs * limits.max_blocks_per_seq(), bytes / one,
                   most_blocks(limits.block_size)});
}

Status check_kv_cache_dtype(DType dtype) {
  if (dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kI8) return {};
  return Error{ErrorCode::kUnsupported, std::string("kv_cache_dtype is ") + dtype_name(dtype) +
                                            ", expected float32, bfloat16 or int8"};
}

Result<std::vector<std::int64_t>> resolve_capture_sizes(const EngineOptions& options,
                                                        const EngineLimits& limits) {
  std::vector<std::int64_t> sizes;
  if (options.enforce_eager) return sizes;
  sizes = options.capture_sizes;
  if (sizes.empty()) {
    sizes = default_capture_sizes(
        std::min({limits.max_num_seqs, limits.max_num_batched_tokens, kMaxCaptureSize}));
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  for (const std::int64_t size : sizes) {
    PARAPET_TRY(check_range("capture_sizes", size, 1, limits.max_num_batched_tokens));
  }
  return sizes;
}

}  // namespace

std::vector<std::int64_t> default_capture_sizes(std::int64_t largest) {
  std::vector<std::int64_t> sizes = {1, 2, 4};
  for (std::int64_t size = 8; size < 256; size += 8) sizes.push_back(size);
  for (std::int64_t size = 256; size <= largest; size += 16) sizes.push_back(size);
  std::erase_if(sizes, [&](std::int64_t size) { return size > largest; });
  return sizes;
}

Result<EngineLimits> EngineLimits::resolve(const EngineOptions& options,
                                           const ModelConfig& config) {
  EngineLimits limits;
  limits.vocab_size = config.vocab_size;
  limits.max_model_len =
      options.max_model_len == 0 ? config.max_position_embeddings : options.max_model_len;
  limits.max_num_seqs = options.max_num_seqs;
  limits.max_num_batched_tokens = options.max_num_batched_tokens;
  limits.block_size = options.block_size;
  limits.enable_prefix_caching = options.enable_prefix_caching;
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
  PARAPET_TRY(check_kv_cache_dtype(limits.kv_cache_dtype));
  limits.num_kv_blocks = options.num_kv_blocks;
  if (limits.num_kv_blocks == 0) {
    PARAPET_ASSIGN(limits.num_kv_blocks, blocks_in(options.kv_cache_bytes, limits, config));
  }
  PARAPET_TRY(
      check_range("num_kv_blocks", limits.num_kv_blocks, 1, most_blocks(limits.block_size)));
  PARAPET_ASSIGN(limits.capture_sizes, resolve_capture_sizes(options, limits));
  return limits;
}

}  // namespace parapet
