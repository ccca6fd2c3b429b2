#include "checkpoint/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The fields of a small valid config.json, as JSON texts, for tests to change one of.
class ConfigFields {
 public:
  ConfigFields& set(const std::string& key, const std::string& json) {
    fields_[key] = json;
    return *this;
  }
  ConfigFields& erase(const std::string& key) {
    fields_.erase(key);
    return *this;
  }
  std::string text() const {
    std::string text = "{";
    for (const auto& [key, json] : fields_) {
      text += (text.size() > 1 ? ",\n\"" : "\"") + key + "\": " + json;
    }
    return text + "}";
  }

 private:
  std::map<std::string, std::string> fields_{
      {"architectures", R"(["Qwen3ForCausalLM"])"},
      {"vocab_size", "96"},
      {"hidden_size", "16"},
      {"intermediate_size", "40"},
      {"num_hidden_layers", "2"},
      {"num_attention_heads", "4"},
      {"num_key_value_heads", "2"},
      {"head_dim", "8"},
      {"max_position_embeddings", "64"},
      {"rope_theta", "1000000"},
  };
};

Result<ModelConfig> parse(const ConfigFields& fields) {
  return ModelConfig::parse("config.json", fields.text());
}

ModelConfig published(const std::string& name) {
  auto config =
      ModelConfig::read(std::string(PARAPET_SOURCE_DIR) + "/tests/fixtures/configs/" + name);
  EXPECT_TRUE(config) << config.error().message;
  return config.value();
}

TEST(ModelConfig, ReadsThePublishedFourBillion) {
  const ModelConfig config = published("qwen3guard-gen-4b");
  EXPECT_EQ(config.architecture, "Qwen3ForCausalLM");
  EXPECT_EQ(config.vocab_size, 151936);
  EXPECT_EQ(config.hidden_size, 2560);
  EXPECT_EQ(config.intermediate_size, 9728);
  EXPECT_EQ(config.num_hidden_layers, 36);
  EXPECT_EQ(config.num_attention_heads, 32);
  EXPECT_EQ(config.num_key_value_heads, 8);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.max_position_embeddings, 32768);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_EQ(config.dtype, DType::kBF16);
}

TEST(ModelConfig, CountsTheParametersOfThePublishedModels) {
  EXPECT_EQ(published("qwen3guard-gen-0.6b").num_parameters(), 596'049'920);
  EXPECT_EQ(published("qwen3guard-gen-4b").num_parameters(), 4'022'468'096);
  EXPECT_EQ(published("qwen3guard-gen-8b").num_parameters(), 8'190'735'360);
}

TEST(ModelConfig, CountsTheKvCache) {
  const ModelConfig config = published("qwen3guard-gen-4b");
  EXPECT_EQ(config.kv_bytes_per_token(DType::kBF16), 147'456);
  EXPECT_EQ(config.kv_bytes_per_token(DType::kF32), 2 * 147'456);
  EXPECT_EQ(config.kv_bytes_per_token(DType::kI8), 147'456 / 2 + 2 * 36 * 8 * 4);  // scales
}

TEST(ModelConfig, TakesWhatTransformersAssumesWhereAFileIsSilent) {
  ConfigFields fields;
  fields.erase("head_dim").erase("num_key_value_heads").set("num_attention_heads", "64");
  const auto config = parse(fields);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->num_key_value_heads, 32);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, DType::kBF16);
}

TEST(ModelConfig, TakesNullKeyValueHeadsForAsManyAsQueryHeads) {
  const auto config = parse(ConfigFields().set("num_key_value_heads", "null"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->num_key_value_heads, 4);
}

TEST(ModelConfig, ReadsTheNewerStyle) {
  ConfigFields fields;
  fields.erase("rope_theta")
      .set("rope_parameters", R"({"rope_type": "default", "rope_theta": 5000000.0})")
      .set("dtype", R"("float32")")
      .set("model_type", R"("qwen3")")
      .set("layer_types", R"(["full_attention", "full_attention"])");
  const auto config = parse(fields);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rope_theta, 5e6);
  EXPECT_EQ(config->dtype, DType::kF32);
}

TEST(ModelConfig, ReadsTheOlderStyle) {
  ConfigFields fields;
  fields.set("rope_scaling", R"({"type": "default"})")
      .set("torch_dtype", R"("float16")")
      .set("use_sliding_window", "false")
      .set("sliding_window", "4096")
      .set("attention_bias", "false");
  const auto config = parse(fields);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->dtype, DType::kF16);
}

// One field of a valid file set to a value, and the Error that must come of it.
struct Refusal {
  const char* key;
  const char* json;
  ErrorCode code;
  const char* message;
};

class ModelConfigRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(ModelConfigRefuses, ByName) {
  const Refusal& refusal = GetParam();
  const auto config = parse(ConfigFields().set(refusal.key, refusal.json));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, refusal.code);
  EXPECT_EQ(config.error().message, std::string("config.json: ") + refusal.message);
}

constexpr auto kCorrupt = ErrorCode::kCorrupt;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

INSTANTIATE_TEST_SUITE_P(
    Features, ModelConfigRefuses,
    ::testing::Values(
        Refusal{"architectures", R"(["LlamaForCausalLM"])", kUnsupported,
                "architectures: \"LlamaForCausalLM\" is not supported; only \"Qwen3ForCausalLM\" "
                "is"},
        Refusal{"architectures", R"(["Qwen3\nFor"])", kUnsupported,
                "architectures: \"Qwen3\\x0aFor\" is not supported; only \"Qwen3ForCausalLM\" is"},
        Refusal{"architectures", "[]", kCorrupt, "architectures: must list exactly one name"},
        Refusal{"architectures", "[7]", kCorrupt, "architectures: must list exactly one name"},
        Refusal{"architectures", R"(["Qwen3ForCausalLM", "B"])", kCorrupt,
                "architectures: must list exactly one name"},
        Refusal{"architectures", "null", kCorrupt, "architectures: missing; expected an array"},
        Refusal{"model_type", R"("qwen2")", kUnsupported,
                "model_type: \"qwen2\" is not supported; only \"qwen3\" is"},
        Refusal{"hidden_act", R"("gelu")", kUnsupported,
                "hidden_act: \"gelu\" is not supported; only \"silu\" is"},
        Refusal{"attention_bias", "true", kUnsupported,
                "attention_bias: true is not supported; only false is"},
        Refusal{"attention_bias", "\"no\"", kCorrupt,
                "attention_bias: expected true or false, found string"},
        Refusal{"use_sliding_window", "true", kUnsupported,
                "use_sliding_window: true is not supported; only false is"},
        Refusal{"layer_types", R"(["full_attention", "sliding_attention"])", kUnsupported,
                "layer_types: \"sliding_attention\" is not supported; only \"full_attention\" is"},
        Refusal{"layer_types", R"(["full_attention"])", kCorrupt,
                "layer_types: 1 entries for 2 layers (num_hidden_layers)"},
        Refusal{"layer_types", "[1, 2]", kCorrupt, "layer_types: must hold strings only"},
        Refusal{"quantization_config", R"({"quant_method": "awq"})", kUnsupported,
                "quantization_config: quant_method: \"awq\" is not supported; only \"parapet\" and "
                "\"compressed-tensors\" are; or use the unquantized checkpoint and --quantization"},
        Refusal{"torch_dtype", R"("float64")", kUnsupported,
                "torch_dtype: \"float64\" is not supported; only bfloat16, float16 and float32 "
                "are"},
        Refusal{"dtype", R"("int32")", kUnsupported,
                "dtype: \"int32\" is not supported; only bfloat16, float16 and float32 are"},
        Refusal{"dtype", R"("int8")", kUnsupported,
                "dtype: \"int8\" is not supported; only bfloat16, float16 and float32 are"}));

INSTANTIATE_TEST_SUITE_P(
    Rope, ModelConfigRefuses,
    ::testing::Values(
        Refusal{"rope_scaling", R"({"rope_type": "yarn", "factor": 4.0})", kUnsupported,
                "rope_scaling: rope_type: \"yarn\" is not supported; only \"default\" is"},
        Refusal{"rope_scaling", R"({"type": "linear", "factor": 2})", kUnsupported,
                "rope_scaling: type: \"linear\" is not supported; only \"default\" is"},
        Refusal{"rope_scaling", "\"yarn\"", kCorrupt,
                "rope_scaling: expected an object, found string"},
        Refusal{"rope_parameters", R"({"rope_theta": 10000})", kCorrupt,
                "rope_parameters: rope_theta: 10000 here, 1e+06 elsewhere in the "
                "file"},
        Refusal{"rope_parameters", R"({"partial_rotary_factor": 0.5})", kUnsupported,
                "rope_parameters: partial_rotary_factor: 0.5 is not supported; only 1 is"},
        Refusal{"rope_theta", "null", kCorrupt,
                "rope_theta: missing, at top level and in rope_parameters; expected a number"},
        Refusal{"rope_theta", "-1", kCorrupt, "rope_theta: -1; must be finite and above 0"},
        Refusal{"rope_theta", "\"1e6\"", kCorrupt, "rope_theta: expected a number, found string"}));

INSTANTIATE_TEST_SUITE_P(
    Sizes, ModelConfigRefuses,
    ::testing::Values(
        Refusal{"vocab_size", "0", kCorrupt, "vocab_size: 0; must be at least 1"},
        Refusal{"vocab_size", "16777217", kUnsupported,
                "vocab_size: 16777217; at most 16777216 is supported"},
        Refusal{"vocab_size", "96.0", kCorrupt, "vocab_size: expected an integer, found number"},
        Refusal{"hidden_size", "null", kCorrupt, "hidden_size: missing; expected an integer"},
        Refusal{"hidden_size", "-16", kCorrupt, "hidden_size: -16; must be at least 1"},
        Refusal{"hidden_size", "9223372036854775807", kUnsupported,
                "hidden_size: 9223372036854775807; at most 1048576 is supported"},
        Refusal{"intermediate_size", "1048577", kUnsupported,
                "intermediate_size: 1048577; at most 1048576 is supported"},
        Refusal{"num_hidden_layers", "1025", kUnsupported,
                "num_hidden_layers: 1025; at most 1024 is supported"},
        Refusal{"num_attention_heads", "4097", kUnsupported,
                "num_attention_heads: 4097; at most 4096 is supported"},
        Refusal{"num_key_value_heads", "0", kCorrupt, "num_key_value_heads: 0; must be at least 1"},
        Refusal{"num_key_value_heads", "3", kCorrupt,
                "num_key_value_heads: 3 does not divide num_attention_heads, 4"},
        Refusal{"num_key_value_heads", "8", kCorrupt,
                "num_key_value_heads: 8 does not divide num_attention_heads, 4"},
        Refusal{"head_dim", "7", kUnsupported,
                "head_dim: 7 is odd; rotary embeddings need an even one"},
        Refusal{"head_dim", "4098", kUnsupported, "head_dim: 4098; at most 4096 is supported"},
        Refusal{"max_position_embeddings", "0", kCorrupt,
                "max_position_embeddings: 0; must be at least 1"},
        Refusal{"max_position_embeddings", "16777217", kUnsupported,
                "max_position_embeddings: 16777217; at most 16777216 is supported"},
        Refusal{"rms_norm_eps", "-1e-6", kCorrupt,
                "rms_norm_eps: -1e-06; must be finite and above 0"},
        Refusal{"rms_norm_eps", "0", kCorrupt, "rms_norm_eps: 0; must be finite and above 0"},
        Refusal{"tie_word_embeddings", "1", kCorrupt,
                "tie_word_embeddings: expected true or false, found integer"}));

TEST(ModelConfig, RefusesNumbersThatJsonDoesNotHave) {
  for (const char* text : {"NaN", "Infinity", "-Infinity", "1e999"}) {
    const auto config = parse(ConfigFields().set("rms_norm_eps", text));
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, kCorrupt);
    EXPECT_TRUE(config.error().message.starts_with("config.json: not valid JSON: ")) << text;
  }
}

TEST(ModelConfig, NamesTheFileThatIsNotThere) {
  const TemporaryDirectory directory;
  const auto config = ModelConfig::read(directory.path());
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(config.error().message,
            (directory.path() / "config.json").string() + ": No such file or directory");
}

// With every size at its bound the largest product still counts right: the bounds' purpose.
TEST(ModelConfig, LargestSizesDoNotOverflow) {
  ConfigFields fields;
  fields.set("vocab_size", std::to_string(kMaxVocabSize))
      .set("hidden_size", std::to_string(kMaxHiddenSize))
      .set("intermediate_size", std::to_string(kMaxHiddenSize))
      .set("num_hidden_layers", std::to_string(kMaxLayers))
      .set("num_attention_heads", std::to_string(kMaxHeads))
      .set("num_key_value_heads", std::to_string(kMaxHeads))
      .set("head_dim", std::to_string(kMaxHeadDim))
      .set("max_position_embeddings", std::to_string(kMaxPositions));
  const auto config = parse(fields);
  ASSERT_TRUE(config) << config.error().message;
  const auto power = [](int exponent) { return std::int64_t{1} << exponent; };
  const std::int64_t layer = 4 * power(44) + 3 * power(40) + 2 * power(20) + 2 * power(12);
  const std::int64_t parameters = 2 * power(44) + power(10) * layer + power(20);
  EXPECT_EQ(config->num_parameters(), parameters);
  EXPECT_LT(parameters, power(62) / 4) << "their bytes as float32";
  EXPECT_EQ(config->kv_bytes_per_token(DType::kF32), power(37));
  EXPECT_LT(power(37), power(62) / kMaxPositions) << "a full sequence's cache";
}

TEST(GenerationConfig, ReadsAllFields) {
  const auto config = GenerationConfig::parse(
      "generation_config.json",
      R"({"eos_token_id": [151645, 151643], "temperature": 0.6, "top_p": 0.95, "top_k": 20,
          "do_sample": true})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eos_token_ids, ElementsAre(151645, 151643));
  EXPECT_EQ(config->temperature, 0.6);
  EXPECT_EQ(config->top_p, 0.95);
  EXPECT_EQ(config->top_k, 20);
  EXPECT_EQ(config->do_sample, true);
}

TEST(GenerationConfig, TakesEosFromTheModelConfigWhereItHasNone) {
  const TemporaryDirectory directory;
  directory.write("config.json", R"({"eos_token_id": 7})");
  auto config = GenerationConfig::read(directory.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eos_token_ids, ElementsAre(7));
  EXPECT_EQ(config->temperature, std::nullopt);

  directory.write("generation_config.json", R"({"do_sample": false})");
  config = GenerationConfig::read(directory.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eos_token_ids, ElementsAre(7));
  EXPECT_EQ(config->do_sample, false);

  directory.write("generation_config.json", R"({"eos_token_id": 9})");
  config = GenerationConfig::read(directory.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eos_token_ids, ElementsAre(9));
}

TEST(GenerationConfig, MayHaveNoEosAtAll) {
  const auto config = GenerationConfig::parse("g", "{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->eos_token_ids, IsEmpty());
}

TEST(GenerationConfig, DoesNotTakeABrokenFileForNone) {
  const TemporaryDirectory directory;
  directory.write("config.json", R"({"eos_token_id": 7})");
  const auto file = directory.write("generation_config.json", "{");
  const auto config = GenerationConfig::read(directory.path());
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().message.starts_with(file.string() + ": not valid JSON: "));
}

TEST(GenerationConfig, RefusesByName) {
  const struct {
    const char* json;
    const char* message;
  } cases[] = {
      {R"({"eos_token_id": "</s>"})",
       "g: eos_token_id: expected an integer or a list of them, found string"},
      {R"({"eos_token_id": [1, null]})",
       "g: eos_token_id: expected an integer or a list of them, found null"},
      {R"({"eos_token_id": -1})", "g: eos_token_id: -1; a token id is at least 0 and below 2^31"},
      {R"({"eos_token_id": 2147483648})",
       "g: eos_token_id: 2147483648; a token id is at least 0 and below 2^31"},
      {R"({"temperature": -0.5})", "g: temperature: -0.5; must be at least 0"},
      {R"({"top_p": 0})", "g: top_p: 0; must be above 0 and at most 1"},
      {R"({"top_p": 1.5})", "g: top_p: 1.5; must be above 0 and at most 1"},
      {R"({"top_k": -1})", "g: top_k: -1; must be at least 0 (0 is off)"},
      {R"({"do_sample": "yes"})", "g: do_sample: expected true or false, found string"},
  };
  for (const auto& [json, message] : cases) {
    const auto config = GenerationConfig::parse("g", json);
    ASSERT_FALSE(config) << json;
    EXPECT_EQ(config.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(config.error().message, message);
  }
}

}  // namespace
}  // namespace parapet
