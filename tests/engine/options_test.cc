#include "engine/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace parapet {
namespace {

ModelConfig small_config() {
  return {.architecture = "Qwen3ForCausalLM",
          .vocab_size = 100,
          .hidden_size = 16,
          .intermediate_size = 32,
          .num_hidden_layers = 2,
          .num_attention_heads = 2,
          .num_key_value_heads = 1,
          .head_dim = 8,
          .max_position_embeddings = 1000,
          .dtype = DType::kBF16};
}

TEST(EngineLimitsTest, DefaultsComeFromTheModel) {
  const auto limits = EngineLimits::resolve({}, small_config());
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->max_model_len, 1000);
  EXPECT_EQ(limits->kv_cache_dtype, DType::kBF16);
  EXPECT_EQ(limits->max_blocks_per_seq(), 63);
  EXPECT_EQ(limits->num_kv_blocks, 256 * 63);  // all sequences at full length
  EXPECT_TRUE(limits->enable_prefix_caching);
}

TEST(EngineLimitsTest, F16AndF32CheckpointsGetAnF32Cache) {
  for (const DType dtype : {DType::kF16, DType::kF32}) {
    ModelConfig config = small_config();
    config.dtype = dtype;
    const auto limits = EngineLimits::resolve({}, config);
    ASSERT_TRUE(limits);
    EXPECT_EQ(limits->kv_cache_dtype, DType::kF32);
  }
}

TEST(EngineLimitsTest, CacheStaysWithinItsBytes) {
  // 2 (K, V) * 2 layers * 1 head * 8 * 2 bytes = 64 bytes a token, 1024 a block.
  const auto limits = EngineLimits::resolve({.kv_cache_bytes = 10 * 1024 + 1}, small_config());
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->num_kv_blocks, 10);
}

TEST(EngineLimitsTest, CachesOfInt8HoldMore) {
  const auto bf16 = EngineLimits::resolve({.kv_cache_bytes = 1 << 20}, small_config());
  const auto int8 = EngineLimits::resolve({.kv_cache_bytes = 1 << 20, .kv_cache_dtype = DType::kI8},
                                          small_config());
  ASSERT_TRUE(bf16 && int8);
  EXPECT_GT(int8->num_kv_blocks, bf16->num_kv_blocks);
}

TEST(EngineLimitsTest, CountsBlocks) {
  const EngineLimits limits{.max_model_len = 33, .block_size = 16, .num_kv_blocks = 5};
  EXPECT_EQ(limits.blocks_for(0), 0);
  EXPECT_EQ(limits.blocks_for(1), 1);
  EXPECT_EQ(limits.blocks_for(16), 1);
  EXPECT_EQ(limits.blocks_for(17), 2);
  EXPECT_EQ(limits.max_blocks_per_seq(), 3);
  EXPECT_EQ(limits.kv_cache_tokens(), 80);
}

TEST(EngineLimitsTest, CapturesStepsOfTheseSizes) {
  using Sizes = std::vector<std::int64_t>;
  const Sizes all = default_capture_sizes(256);
  EXPECT_EQ(all.size(), 35U);
  EXPECT_EQ(all.back(), 256);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(default_capture_sizes(20), (Sizes{1, 2, 4, 8, 16}));
  EXPECT_EQ(default_capture_sizes(300).back(), 288);

  const auto sizes = [](const EngineOptions& options) {
    return EngineLimits::resolve(options, small_config())->capture_sizes;
  };
  EXPECT_EQ(sizes({.max_num_seqs = 3}), (Sizes{1, 2}));
  EXPECT_EQ(sizes({.capture_sizes = {8, 1, 8}}), (Sizes{1, 8}));
  EXPECT_EQ(sizes({.enforce_eager = true}), Sizes{});
  EXPECT_EQ(sizes({.max_num_seqs = 1 << 12, .max_num_batched_tokens = 1 << 12}).back(), 512);
}

TEST(EngineLimitsTest, RefusesWhatCannotWork) {
  const EngineOptions refused[] = {{.max_model_len = 1001},
                                   {.max_model_len = -1},
                                   {.max_model_len = 1},
                                   {.max_num_seqs = 0},
                                   {.max_num_seqs = 1 << 20},
                                   {.max_num_seqs = 16, .max_num_batched_tokens = 15},
                                   {.max_num_batched_tokens = -1},
                                   {.block_size = 0},
                                   {.block_size = 1 << 20},
                                   {.num_kv_blocks = -1},
                                   {.num_kv_blocks = 1LL << 40},
                                   {.kv_cache_bytes = 100},
                                   {.kv_cache_dtype = DType::kI32},
                                   {.kv_cache_dtype = DType::kF16},
                                   {.capture_sizes = {0}},
                                   {.capture_sizes = {4, 2049}},
                                   {.max_num_requests = 0}};
  for (const EngineOptions& options : refused) {
    const auto limits = EngineLimits::resolve(options, small_config());
    ASSERT_FALSE(limits) << "option " << (&options - refused);
    EXPECT_NE(limits.error().message.find("expected"), std::string::npos);
    EXPECT_EQ(limits.error().message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace parapet
