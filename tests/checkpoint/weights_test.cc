#include "checkpoint/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/check.h"
#include "checkpoint/safetensors_writer.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

ModelConfig small_config(bool tied = true) {
  ModelConfig config;
  config.architecture = "Qwen3ForCausalLM";
  config.vocab_size = 12;
  config.hidden_size = 8;
  config.intermediate_size = 6;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 4;
  config.max_position_embeddings = 16;
  config.tie_word_embeddings = tied;
  return config;
}

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kShard1 = "model-00001-of-00002.safetensors";
constexpr const char* kShard2 = "model-00002-of-00002.safetensors";

class WeightsTest : public ::testing::Test {
 protected:
  std::string path(const char* name) const { return (directory_.path() / name).string(); }

  Result<Weights> open_single(const SafetensorsWriter& writer,
                              const ModelConfig& config = small_config()) {
    directory_.write(kSingle, writer.bytes());
    return Weights::open(directory_.path(), config);
  }

  void expect_refused(const Result<Weights>& weights, ErrorCode code, const std::string& message) {
    ASSERT_FALSE(weights) << "expected: " << message;
    EXPECT_EQ(weights.error().code, code);
    EXPECT_EQ(weights.error().message, message);
  }

  TemporaryDirectory directory_;
};

TEST_F(WeightsTest, ExpectedTensorsHoldAllParameters) {
  for (const bool tied : {true, false}) {
    const ModelConfig config = small_config(tied);
    std::int64_t parameters = 0;
    for (const ExpectedTensor& tensor : expected_tensors(config)) {
      std::int64_t count = 1;
      for (const std::int64_t extent : tensor.shape) count *= extent;
      parameters += count;
    }
    EXPECT_EQ(parameters, config.num_parameters());
    EXPECT_EQ(expected_tensors(config).size(), tied ? 2U + 2 * 11 : 3U + 2 * 11);
  }
}

TEST_F(WeightsTest, OpensOneFileInPlace) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.layers.1.mlp.down_proj.weight"] = bf16_tensor({8, 6}, 0x4000);
  const auto weights = open_single(writer);
  ASSERT_TRUE(weights) << weights.error().message;

  const WeightTensor& down = weights->at("model.layers.1.mlp.down_proj.weight");
  EXPECT_EQ(down.dtype, DType::kBF16);
  EXPECT_THAT(down.shape, ElementsAre(8, 6));
  const std::string& written = writer.tensors().at("model.layers.1.mlp.down_proj.weight").data;
  EXPECT_EQ(std::memcmp(down.data, written.data(), written.size()), 0);

  const WeightsSummary& summary = weights->summary();
  EXPECT_THAT(summary.shards, ElementsAre(directory_.path() / kSingle));
  EXPECT_EQ(summary.num_tensors, 24);
  EXPECT_EQ(summary.num_parameters, small_config().num_parameters());
  EXPECT_EQ(summary.bytes, 2U * static_cast<std::uint64_t>(small_config().num_parameters()));
}

TEST_F(WeightsTest, StaysValidWhenMoved) {
  auto opened = open_single(writer_for(small_config()));
  ASSERT_TRUE(opened) << opened.error().message;
  const void* data = opened->at("model.norm.weight").data;
  const Weights moved = std::move(opened).value();
  EXPECT_EQ(moved.at("model.norm.weight").data, data);
  std::uint16_t first = 0;
  std::memcpy(&first, moved.at("model.norm.weight").data, sizeof first);
  EXPECT_EQ(first, 0x3f80);
}

TEST_F(WeightsTest, TakesEachSupportedType) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.norm.weight"] = {"F32", {8}, std::string(32, '\0')};
  writer["model.layers.0.self_attn.o_proj.weight"] = {"F16", {8, 16}, std::string(256, '\0')};
  const auto weights = open_single(writer);
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->at("model.norm.weight").dtype, DType::kF32);
  EXPECT_EQ(weights->at("model.layers.0.self_attn.o_proj.weight").dtype, DType::kF16);
}

TEST_F(WeightsTest, AskingForAnUnknownTensorIsABug) {
  const auto weights = open_single(writer_for(small_config()));
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_THROW(weights->at("lm_head.weight"), InternalError);
}

TEST_F(WeightsTest, IgnoresWhatTheForwardDoesNotRead) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["lm_head.weight"] = bf16_tensor({12, 8}, 0x3f80);
  writer["model.rotary_emb.inv_freq"] = {"F32", {2}, std::string(8, '\0')};
  writer["model.layers.0.self_attn.rotary_emb.inv_freq"] = {"I64", {1}, std::string(8, '\0')};
  const auto weights = open_single(writer);
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->summary().num_tensors, 24);
}

TEST_F(WeightsTest, AnUntiedModelNeedsItsOutputMatrix) {
  const ModelConfig untied = small_config(false);
  EXPECT_TRUE(open_single(writer_for(untied), untied));
  expect_refused(open_single(writer_for(small_config()), untied), ErrorCode::kNotFound,
                 directory_.path().string() + ": 1 missing tensor: \"lm_head.weight\"");
}

TEST_F(WeightsTest, ListsMissingTensors) {
  SafetensorsWriter writer = writer_for(small_config());
  for (const char* name : {"q_norm", "k_norm", "q_proj", "k_proj", "v_proj"}) {
    writer.erase(std::string("model.layers.1.self_attn.") + name + ".weight");
  }
  expect_refused(open_single(writer), ErrorCode::kNotFound,
                 directory_.path().string() +
                     ": 5 missing tensors: \"model.layers.1.self_attn.q_proj.weight\", "
                     "\"model.layers.1.self_attn.k_proj.weight\", "
                     "\"model.layers.1.self_attn.v_proj.weight\", ...");
}

TEST_F(WeightsTest, RefusesUnexpectedTensors) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.layers.2.mlp.up_proj.weight"] = bf16_tensor({1}, 0);
  writer["model.layers.0.self_attn.q_proj.bias"] = bf16_tensor({16}, 0);
  expect_refused(open_single(writer), ErrorCode::kUnsupported,
                 path(kSingle) +
                     ": 2 unexpected tensors: \"model.layers.0.self_attn.q_proj.bias\", "
                     "\"model.layers.2.mlp.up_proj.weight\"; not part of a Qwen3ForCausalLM");
}

TEST_F(WeightsTest, RefusesAnotherShape) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.layers.0.self_attn.k_proj.weight"] = bf16_tensor({8, 16}, 0);
  expect_refused(open_single(writer), ErrorCode::kCorrupt,
                 path(kSingle) +
                     ": tensor \"model.layers.0.self_attn.k_proj.weight\": shape [8, 16]; "
                     "config.json calls for [8, 8]");
}

TEST_F(WeightsTest, RefusesOtherTypes) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.norm.weight"] = {"F64", {8}, std::string(64, '\0')};
  expect_refused(open_single(writer), ErrorCode::kUnsupported,
                 path(kSingle) +
                     ": tensor \"model.norm.weight\": dtype F64 is not supported; only BF16, F16 "
                     "and F32 are");
}

TEST_F(WeightsTest, RefusesFusedProjectionsOfTwoTypes) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.layers.1.self_attn.v_proj.weight"] = {"F16", {8, 8}, std::string(128, '\0')};
  expect_refused(open_single(writer), ErrorCode::kUnsupported,
                 path(kSingle) +
                     ": tensor \"model.layers.1.self_attn.v_proj.weight\": float16, but "
                     "\"model.layers.1.self_attn.q_proj.weight\" is bfloat16; the two must be of "
                     "one dtype");

  writer = writer_for(small_config());
  writer["model.layers.0.mlp.gate_proj.weight"] = {"F32", {6, 8}, std::string(192, '\0')};
  expect_refused(open_single(writer), ErrorCode::kUnsupported,
                 path(kSingle) +
                     ": tensor \"model.layers.0.mlp.up_proj.weight\": bfloat16, but "
                     "\"model.layers.0.mlp.gate_proj.weight\" is float32; the two must be of one "
                     "dtype");
}

TEST_F(WeightsTest, RefusesAddressesThatAreNotAligned) {
  std::string bytes = writer_for(small_config()).bytes();
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.insert(sizeof header + header, 1, ' ');  // JSON may end in blanks: all data move by one
  ++header;
  std::memcpy(bytes.data(), &header, sizeof header);
  directory_.write(kSingle, bytes);
  const auto weights = Weights::open(directory_.path(), small_config());
  expect_refused(weights, ErrorCode::kUnsupported,
                 path(kSingle) + ": tensor \"model.embed_tokens.weight\": BF16 data at byte " +
                     std::to_string(8 + header) +
                     " of the file, which is not a multiple of its size; save it again with "
                     "safetensors 0.3 or later, which aligns");
}

TEST_F(WeightsTest, RefusesNormScalesThatAreNotFinite) {
  const std::string name = "model.layers.1.self_attn.q_norm.weight";
  const std::string tensor = path(kSingle) + ": tensor \"" + name + "\"";

  SafetensorsWriter writer = writer_for(small_config());
  writer[name].data.replace(4, 2, "\xc0\x7f");  // bfloat16 NaN, little-endian
  expect_refused(open_single(writer), ErrorCode::kNumeric,
                 tensor + ": element 2 is nan; norm scales must be finite");

  writer[name] = {"F16", {4}, std::string("\0\x3c\0\x3c\0\x3c\0\xfc", 8)};
  expect_refused(open_single(writer), ErrorCode::kNumeric,
                 tensor + ": element 3 is -inf; norm scales must be finite");

  writer[name] = {"F32", {4}, std::string("\0\0\x80\x7f", 4) + std::string(12, '\0')};
  expect_refused(open_single(writer), ErrorCode::kNumeric,
                 tensor + ": element 0 is inf; norm scales must be finite");
}

TEST_F(WeightsTest, DoesNotReadOtherWeights) {
  SafetensorsWriter writer = writer_for(small_config());
  writer["model.embed_tokens.weight"] = bf16_tensor({12, 8}, 0x7fc0);
  EXPECT_TRUE(open_single(writer));
}

TEST_F(WeightsTest, NamesTheFileThatIsTruncated) {
  const std::string bytes = writer_for(small_config()).bytes();
  directory_.write(kSingle, bytes.substr(0, bytes.size() - 3));
  const auto total = 2 * small_config().num_parameters();
  expect_refused(Weights::open(directory_.path(), small_config()), ErrorCode::kCorrupt,
                 path(kSingle) + ": tensor \"model.norm.weight\" needs bytes " +
                     std::to_string(total - 16) + " to " + std::to_string(total) +
                     " of the data, but the file holds " + std::to_string(total - 3) +
                     "; truncated?");
}

TEST_F(WeightsTest, SaysWhatAFolderShouldHold) {
  expect_refused(Weights::open(directory_.path(), small_config()), ErrorCode::kNotFound,
                 directory_.path().string() +
                     ": holds neither model.safetensors nor model.safetensors.index.json; weights "
                     "are read from safetensors files only");
}

// The small checkpoint in two shards, by layer, and its index; tests then spoil one of them.
class ShardedWeightsTest : public WeightsTest {
 protected:
  ShardedWeightsTest() {
    const SafetensorsWriter whole = writer_for(small_config());
    for (const auto& [name, tensor] : whole.tensors()) {
      const bool is_second = name.starts_with("model.layers.1.") || name == "model.norm.weight";
      (is_second ? second_ : first_)[name] = tensor;
      shard_of_[name] = is_second ? kShard2 : kShard1;
    }
  }

  Result<Weights> open() {
    directory_.write(kShard1, first_.bytes());
    directory_.write(kShard2, second_.bytes());
    std::string map;
    for (const auto& [name, shard] : shard_of_) {
      map.append(map.empty() ? "\"" : ",\"").append(name);
      map.append("\":\"").append(shard).append("\"");
    }
    directory_.write(kIndex, R"({"metadata":{"total_size":1},"weight_map":{)" + map + "}}");
    return Weights::open(directory_.path(), small_config());
  }

  SafetensorsWriter first_, second_;
  std::map<std::string, std::string> shard_of_;
};

TEST_F(ShardedWeightsTest, OpensAllShards) {
  const auto weights = open();
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_THAT(weights->summary().shards,
              ElementsAre(directory_.path() / kShard1, directory_.path() / kShard2));
  EXPECT_EQ(weights->summary().num_parameters, small_config().num_parameters());
  EXPECT_THAT(weights->at("model.layers.1.mlp.up_proj.weight").shape, ElementsAre(6, 8));
}

TEST_F(ShardedWeightsTest, OneFileComesFirst) {
  directory_.write(kIndex, "not JSON");
  EXPECT_TRUE(open_single(writer_for(small_config())));
}

TEST_F(ShardedWeightsTest, RefusesATensorInTwoShards) {
  first_["model.norm.weight"] = second_["model.norm.weight"];
  expect_refused(
      open(), ErrorCode::kCorrupt,
      path(kShard2) + ": tensor \"model.norm.weight\" stands in " + kShard1 + " as well");
}

TEST_F(ShardedWeightsTest, RefusesATensorInAnotherShardThanListed) {
  shard_of_["model.norm.weight"] = kShard1;
  expect_refused(open(), ErrorCode::kCorrupt,
                 path(kShard2) + ": tensor \"model.norm.weight\" is here, but " + path(kIndex) +
                     " lists it in \"" + kShard1 + "\"");
}

TEST_F(ShardedWeightsTest, RefusesATensorThatIsNotListed) {
  shard_of_.erase("model.norm.weight");
  expect_refused(open(), ErrorCode::kCorrupt,
                 path(kShard2) + ": tensor \"model.norm.weight\" is here, but " + path(kIndex) +
                     " does not list it");
}

TEST_F(ShardedWeightsTest, RefusesAListedTensorThatIsNotThere) {
  second_.erase("model.norm.weight");
  expect_refused(open(), ErrorCode::kNotFound,
                 path(kIndex) + ": tensor \"model.norm.weight\" is listed in \"" + kShard2 +
                     "\", which does not hold it");
}

TEST_F(ShardedWeightsTest, NamesAShardThatIsMissing) {
  shard_of_["extra"] = "model-00003.safetensors";
  expect_refused(open(), ErrorCode::kNotFound,
                 path("model-00003.safetensors") + ": No such file or directory");
}

}  // namespace
}  // namespace parapet
