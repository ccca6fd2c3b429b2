#include "engine/options.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(limits->num_kv_blocks, 16 * 63);
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
  const auto limits = EngineLimits::resolve({.max_kv_cache_bytes = 10 * 1024 + 1}, small_config());
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->num_kv_blocks, 10);
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
                                   {.max_kv_cache_bytes = 100},
                                   {.kv_cache_dtype = DType::kI32},
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
