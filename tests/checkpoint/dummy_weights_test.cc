#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "checkpoint/dummy_random.h"
#include "checkpoint/tensor_values.h"
#include "checkpoint/weights.h"

namespace parapet {
namespace {

// Large enough for tensors of several blocks, a last one that is not full, and three threads.
ModelConfig config_of(DType dtype) {
  ModelConfig config;
  config.architecture = "Qwen3ForCausalLM";
  config.vocab_size = 5003;
  config.hidden_size = 144;
  config.intermediate_size = 200;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  config.max_position_embeddings = 64;
  config.tie_word_embeddings = false;
  config.dtype = dtype;
  return config;
}

std::vector<std::uint8_t> bytes_of(const Weights& weights, const ModelConfig& config) {
  std::vector<std::uint8_t> bytes;
  for (const ExpectedTensor& expected : expected_tensors(config)) {
    const WeightTensor& tensor = weights.at(expected.name);
    EXPECT_EQ(tensor.dtype, config.dtype);
    EXPECT_EQ(tensor.shape, expected.shape);
    std::size_t size = dtype_size(tensor.dtype);
    for (const std::int64_t extent : tensor.shape) size *= static_cast<std::size_t>(extent);
    const auto* begin = static_cast<const std::uint8_t*>(tensor.data);
    bytes.insert(bytes.end(), begin, begin + size);
  }
  return bytes;
}

std::vector<std::uint8_t> dummy_bytes(DType dtype, std::uint64_t seed, int num_threads) {
  const ModelConfig config = config_of(dtype);
  const auto weights = Weights::dummy(config, seed, num_threads);
  EXPECT_TRUE(weights) << weights.error().message;
  return bytes_of(weights.value(), config);
}

// FNV-1a, 64 bits.
std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

TEST(DummyWeights, AreTheSameForEveryNumberOfThreads) {
  const auto one = dummy_bytes(DType::kBF16, 42, 1);
  EXPECT_TRUE(one == dummy_bytes(DType::kBF16, 42, 3));
  EXPECT_FALSE(one == dummy_bytes(DType::kBF16, 43, 1));
}

// Committed: a change of these numbers changes every result that was reported with dummy weights.
TEST(DummyWeights, AreTheSameOnEveryMachine) {
  EXPECT_EQ(hash_of(dummy_bytes(DType::kBF16, 1, 2)), 0xc774059df5b9c308U);
  EXPECT_EQ(hash_of(dummy_bytes(DType::kF32, 1, 2)), 0xf7735a6398493c5cU);
}

TEST(DummyWeights, SummaryCountsAllTensors) {
  const ModelConfig config = config_of(DType::kBF16);
  const auto weights = Weights::dummy(config, 1, 1);
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_TRUE(weights->summary().shards.empty());
  EXPECT_EQ(weights->summary().num_tensors, 25);
  EXPECT_EQ(weights->summary().num_parameters, config.num_parameters());
  EXPECT_EQ(weights->summary().bytes, 2U * static_cast<std::uint64_t>(config.num_parameters()));
}

struct Moments {
  double mean = 0;
  double deviation = 0;
  double largest = 0;  // distance from the mean
};

Moments moments_of(const WeightTensor& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= extent;
  const auto* values = static_cast<const std::uint16_t*>(tensor.data);
  double sum = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = bf16_to_f32(values[i]);
    sum += value;
    squares += value * value;
  }
  Moments moments;
  moments.mean = sum / static_cast<double>(count);
  moments.deviation = std::sqrt(squares / static_cast<double>(count) - moments.mean * moments.mean);
  for (std::int64_t i = 0; i < count; ++i) {
    moments.largest = std::max(moments.largest, std::abs(bf16_to_f32(values[i]) - moments.mean));
  }
  return moments;
}

TEST(DummyWeights, HaveTheDocumentedDistribution) {
  const auto weights = Weights::dummy(config_of(DType::kBF16), 7, 2);
  ASSERT_TRUE(weights) << weights.error().message;
  const double deviation = 1 / std::sqrt(144.0);

  const Moments embedding = moments_of(weights->at("model.embed_tokens.weight"));
  EXPECT_NEAR(embedding.mean, 0, 5 * deviation / std::sqrt(5003.0 * 144));
  EXPECT_NEAR(embedding.deviation, deviation, 0.01 * deviation);
  EXPECT_LT(embedding.largest, 3.5 * deviation);
  EXPECT_GT(embedding.largest, 3.2 * deviation);

  const Moments scale = moments_of(weights->at("model.norm.weight"));
  EXPECT_NEAR(scale.mean, 1, 5 * 0.05 / std::sqrt(144.0));
  EXPECT_NEAR(scale.deviation, 0.05, 0.015);
}

std::vector<float> floats_of(const WeightTensor& tensor) {
  const auto* bits = static_cast<const std::uint16_t*>(tensor.data);
  std::vector<float> values(static_cast<std::size_t>(num_elements(tensor.shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = bf16_to_f32(bits[i]);
  return values;
}

// The columns whose root mean square is more than 4 of the others' deviation; each of them must be
// 8 of it, within 5 standard errors.
std::vector<std::size_t> outlier_columns(const WeightTensor& tensor) {
  const auto fan_in = static_cast<std::size_t>(tensor.shape.back());
  const std::vector<float> values = floats_of(tensor);
  const double rows = static_cast<double>(values.size()) / static_cast<double>(fan_in);
  std::vector<double> squares(fan_in);
  for (std::size_t i = 0; i < values.size(); ++i) {
    squares[i % fan_in] += static_cast<double>(values[i]) * values[i];
  }
  const double margin = 5 / std::sqrt(2 * rows);  // of a deviation that is estimated from so many
  std::vector<std::size_t> outliers;
  for (std::size_t column = 0; column < fan_in; ++column) {
    double deviations = std::sqrt(squares[column] / rows * static_cast<double>(fan_in));
    if (deviations > 4) {
      outliers.push_back(column);
      deviations /= 8;
    }
    EXPECT_NEAR(deviations, 1, margin) << column;
  }
  return outliers;
}

TEST(DummyWeights, OneInputColumnIn512IsEightTimesLarger) {
  ModelConfig config = config_of(DType::kBF16);
  config.hidden_size = 1100;  // blocks begin in the midst of rows
  config.intermediate_size = 511;
  const auto weights = Weights::dummy(config, 7, 2);
  ASSERT_TRUE(weights) << weights.error().message;
  const auto gate = outlier_columns(weights->at("model.layers.0.mlp.gate_proj.weight"));
  EXPECT_EQ(gate.size(), 2U);
  EXPECT_NE(gate, outlier_columns(weights->at("model.layers.0.mlp.up_proj.weight")));
  EXPECT_NE(gate, outlier_columns(weights->at("model.layers.1.mlp.gate_proj.weight")));
  EXPECT_EQ(outlier_columns(weights->at("model.embed_tokens.weight")).size(), 2U);
  EXPECT_TRUE(outlier_columns(weights->at("model.layers.0.mlp.down_proj.weight")).empty());

  const auto again = Weights::dummy(config, 7, 1);
  const auto other = Weights::dummy(config, 8, 2);
  ASSERT_TRUE(again && other);
  EXPECT_TRUE(bytes_of(*weights, config) == bytes_of(*again, config));
  EXPECT_NE(gate, outlier_columns(other->at("model.layers.0.mlp.gate_proj.weight")));
}

// float32 has the same columns; and a factor of 8 rounds nothing.
TEST(DummyWeights, OutliersAreDistinctAndExact) {
  for (const std::int64_t fan_in : {511, 512, 2560, 9728}) {
    auto columns = dummy_outlier_columns(3, 5, fan_in);
    EXPECT_EQ(std::ssize(columns), fan_in / 512);
    EXPECT_TRUE(std::ranges::is_sorted(columns));
    EXPECT_TRUE(std::ranges::adjacent_find(columns) == columns.end());
    EXPECT_TRUE(columns.empty() || (columns.front() >= 0 && columns.back() < fan_in));
  }
  const DummyBlock block{.seed = 1, .block = 1, .deviation = 1};
  std::vector<float> plain(5000);
  fill_dummy_block(block, DType::kF32, plain.data(), 5000);
  std::vector<float> enlarged = plain;
  enlarge_dummy_columns(block, std::vector<std::int64_t>{0, 1099}, 1100, DType::kF32,
                        enlarged.data(), 5000);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const auto column = (static_cast<std::size_t>(kDummyBlockElements) + i) % 1100;
    EXPECT_EQ(enlarged[i], (column == 0 || column == 1099 ? 8 : 1) * plain[i]) << i;
  }
}

// Neighbours, rows, blocks and tensors must not repeat each other.
TEST(DummyWeights, BlocksAreIndependent) {
  constexpr std::int64_t kCount = 4096;
  const auto block = [](std::uint64_t seed, std::uint64_t tensor, std::uint64_t index) {
    std::vector<float> values(kCount);
    fill_dummy_block({.seed = seed, .tensor = tensor, .block = index, .mean = 0, .deviation = 1},
                     DType::kF32, values.data(), kCount);
    return values;
  };
  const auto correlation = [](const std::vector<float>& a, const std::vector<float>& b,
                              std::size_t shift) {
    double sum = 0;
    for (std::size_t i = 0; i + shift < a.size(); ++i) {
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i + shift]);
    }
    return sum / static_cast<double>(a.size() - shift);
  };
  const auto base = block(1, 2, 3);
  EXPECT_NEAR(correlation(base, base, 0), 1, 0.1);
  const double five_deviations = 5 / std::sqrt(static_cast<double>(kCount - 128));
  for (const std::size_t shift : {1U, 2U, 3U, 8U, 64U, 128U}) {
    EXPECT_LT(std::abs(correlation(base, base, shift)), five_deviations) << shift;
  }
  for (const auto& other : {block(2, 2, 3), block(1, 3, 3), block(1, 2, 4), block(1, 3, 2)}) {
    EXPECT_LT(std::abs(correlation(base, other, 0)), five_deviations);
  }
}

TEST(DummyWeights, ProgressEndsAtTheTotal) {
  const ModelConfig config = config_of(DType::kBF16);
  const auto total = 2U * static_cast<std::uint64_t>(config.num_parameters());
  std::vector<std::uint64_t> reported;
  const auto weights = Weights::dummy(config, 1, 3, [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_EQ(of, total);
    reported.push_back(done);
  });
  ASSERT_TRUE(weights) << weights.error().message;
  ASSERT_FALSE(reported.empty());
  EXPECT_TRUE(std::is_sorted(reported.begin(), reported.end()));
  EXPECT_EQ(reported.back(), total);
}

TEST(DummyWeights, RefusesWhatItCannotMake) {
  auto weights = Weights::dummy(config_of(DType::kBF16), 1, 0);
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(weights.error().message, "dummy weights: num_threads: 0; must be at least 1");

  weights = Weights::dummy(config_of(DType::kF16), 1, 1);
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(weights.error().message,
            "dummy weights: dtype float16 is not supported; only bfloat16 and float32 are");
}

TEST(DummyWeights, RefusesMoreThanTheMemoryThatIsThere) {
  ModelConfig config = config_of(DType::kBF16);
  config.vocab_size = kMaxVocabSize;
  config.hidden_size = kMaxHiddenSize;  // 32 TiB for each of two matrices
  const auto weights = Weights::dummy(config, 1, 1);
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(weights.error().message.starts_with("dummy weights: 70")) << weights.error().message;
  EXPECT_TRUE(weights.error().message.ends_with(" bytes of memory are available"));
}

}  // namespace
}  // namespace parapet
