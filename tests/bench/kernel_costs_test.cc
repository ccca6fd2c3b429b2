#include "bench/kernel_costs.h"

#include <gtest/gtest.h>

#include "checkpoint/shapes.h"

namespace parapet {
namespace {

constexpr MachinePeaks kPeaks{.num_threads = 2,
                              .read_gb_s = 10,
                              .fp32_gflops = 100,
                              .bf16_gflops = 150,
                              .int8_gops = 200,
                              .int4_gops = 400};

TEST(KernelCosts, BytesOfAMatrix) {
  EXPECT_EQ(matrix_format("float32")->bytes(100, 50), 100 * 50 * 4);
  EXPECT_EQ(matrix_format("float16")->bytes(100, 50), 100 * 50 * 2);
  // Panels of 16 outputs, whole groups, and a bfloat16 scale for each output and group.
  EXPECT_EQ(matrix_format("int8")->bytes(100, 50), 64 * 128 + 64 * 2 * 2);
  EXPECT_EQ(matrix_format("int4")->bytes(100, 50), 64 * 128 / 2 + 64 * 4 * 2);
  EXPECT_FALSE(matrix_format("int3"));
}

TEST(KernelCosts, TheLongerOfComputingAndReadingIsTheLimit) {
  const KernelCost one_row = linear_cost(1, 1024, 4096, *matrix_format("bfloat16"));
  EXPECT_EQ(one_row.bound_by(kPeaks), Peak::kRead);
  EXPECT_DOUBLE_EQ(one_row.limit_seconds(kPeaks), 1e-9 * 1024 * 4096 * 2 / 10);
  const KernelCost many = linear_cost(160, 1024, 4096, *matrix_format("int8"));
  EXPECT_EQ(many.bound_by(kPeaks), Peak::kInt8);
  EXPECT_DOUBLE_EQ(many.limit_seconds(kPeaks), 1e-9 * 2 * 160 * 1024 * 4096 / 200);
  EXPECT_EQ(linear_cost(160, 1024, 4096, *matrix_format("bfloat16")).bound_by(kPeaks), Peak::kBf16);
  EXPECT_EQ(linear_cost(160, 1024, 4096, *matrix_format("float32")).bound_by(kPeaks), Peak::kFp32);
}

TEST(KernelCosts, AttentionCountsPairsOnceAndKeysOnce) {
  const ModelConfig config = *config_of_shape("0.6b");
  const KernelCost cost = attention_cost(config, 3, 10, DType::kBF16);
  EXPECT_DOUBLE_EQ(cost.ops, 4.0 * (8 + 9 + 10) * 16 * 128);
  EXPECT_DOUBLE_EQ(cost.bytes, 10 * 2 * 8 * 128 * 2);
}

// A pass of one token reads every matrix once, and multiplies with each of its numbers once.
TEST(KernelCosts, AForwardPassIsTheWholeModel) {
  for (const char* shape : {"0.6b", "4b", "8b"}) {
    const ModelConfig config = *config_of_shape(shape);
    const KernelCost cost = total(forward_costs(config, *model_formats("bfloat16"),
                                                {.rows = 1, .context = 1, .logit_rows = 1}));
    // An embedding that is no head is looked up, not multiplied; norms are little.
    const std::int64_t looked_up =
        config.tie_word_embeddings ? 0 : config.vocab_size * config.hidden_size;
    const auto parameters = static_cast<double>(config.num_parameters() - looked_up);
    EXPECT_NEAR(cost.bytes / 2 / parameters, 1, 0.001) << shape;
    EXPECT_NEAR(cost.ops / 2 / parameters, 1, 0.001) << shape;
  }
}

// Matrices are read once for all; each sequence has its own keys.
TEST(KernelCosts, SequencesShareTheMatricesAlone) {
  const ModelConfig config = *config_of_shape("0.6b");
  const ModelFormats formats = *model_formats("bfloat16");
  const KernelCost one =
      total(forward_costs(config, formats, {.rows = 4, .context = 10, .logit_rows = 4}));
  const KernelCost four = total(
      forward_costs(config, formats, {.rows = 4, .context = 10, .logit_rows = 4, .sequences = 4}));
  const KernelCost chunk = attention_cost(config, 4, 10, DType::kBF16);
  const KernelCost row = attention_cost(config, 1, 10, DType::kBF16);
  const auto layers = static_cast<double>(config.num_hidden_layers);
  EXPECT_DOUBLE_EQ(four.ops - one.ops, layers * (4 * row.ops - chunk.ops));
  EXPECT_DOUBLE_EQ(four.bytes - one.bytes, layers * (4 * row.bytes - chunk.bytes));
}

// One token reads what an engine tells of its weights, but norms and what is only looked up.
TEST(KernelCosts, DenseFirstLayersAreReadAsTheyAre) {
  const ModelConfig config = *config_of_shape("0.6b");
  const ForwardShape token{.rows = 1, .context = 1, .logit_rows = 1};
  EngineInfo engine;
  engine.weights_dtype = "int8";
  const KernelCost none = total(forward_costs(config, *model_formats(engine, config), token));
  engine.dense_layers = 2;
  const KernelCost two = total(forward_costs(config, *model_formats(engine, config), token));
  const MatrixFormat dense = *matrix_format("bfloat16");
  const MatrixFormat packed = *matrix_format("int8");
  const std::int64_t query = config.num_attention_heads * config.head_dim;
  const std::int64_t key_value = config.num_key_value_heads * config.head_dim;
  const auto layer_bytes = [&](const MatrixFormat& format) {
    return format.bytes(config.hidden_size, query + 2 * key_value) +
           format.bytes(query, config.hidden_size) +
           format.bytes(config.hidden_size, 2 * config.intermediate_size) +
           format.bytes(config.intermediate_size, config.hidden_size);
  };
  EXPECT_DOUBLE_EQ(two.bytes - none.bytes,
                   static_cast<double>(2 * (layer_bytes(dense) - layer_bytes(packed))));
  EXPECT_DOUBLE_EQ(two.ops, none.ops);
}

TEST(KernelCosts, TheHeadOfInt4IsInt8) {
  EXPECT_EQ(model_formats("int4")->layers.name, "int4");
  EXPECT_EQ(model_formats("int4")->head.name, "int8");
}

}  // namespace
}  // namespace parapet
