// config.json's quantization_config: what is taken, and what is refused by its name.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "checkpoint/config.h"

namespace parapet {
namespace {

using nlohmann::json;

Result<ModelConfig> parse(const json& quantization, int num_layers = 1) {
  const json config = {{"architectures", {"Qwen3ForCausalLM"}},
                       {"vocab_size", 96},
                       {"hidden_size", 64},
                       {"intermediate_size", 64},
                       {"num_hidden_layers", num_layers},
                       {"num_attention_heads", 2},
                       {"num_key_value_heads", 1},
                       {"head_dim", 8},
                       {"max_position_embeddings", 64},
                       {"rope_theta", 10000},
                       {"quantization_config", quantization}};
  return ModelConfig::parse("f", config.dump());
}

json parapet_fields() {
  return {{"quant_method", "parapet"}, {"version", 1},        {"format", "int4"},
          {"group_size", 32},          {"layout", "panel16"}, {"head_format", "int8"},
          {"head_group_size", 128}};
}

json compressed_fields() {
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"ignore", {"lm_head"}},
          {"kv_cache_scheme", nullptr},
          {"config_groups",
           {{"group_0",
             {{"targets", {"Linear"}},
              {"input_activations", nullptr},
              {"output_activations", nullptr},
              {"weights",
               {{"num_bits", 4},
                {"type", "int"},
                {"symmetric", true},
                {"strategy", "group"},
                {"group_size", 128},
                {"dynamic", false},
                {"actorder", nullptr}}}}}}}};
}

TEST(QuantizationConfig, TakesOurOwn) {
  const auto config = parse(parapet_fields());
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->quantization);
  const QuantizationScheme expected{.format = WeightFormat::kInt4,
                                    .group_size = 32,
                                    .head_format = WeightFormat::kInt8,
                                    .head_group_size = 128,
                                    .dense_layers = 0};  // as files without the field mean it
  EXPECT_EQ(*config->quantization, expected);
  EXPECT_FALSE(config->compressed_tensors);
}

TEST(QuantizationConfig, TakesInputFactors) {
  json fields = parapet_fields();
  EXPECT_FALSE(parse(fields)->quantization->input_factors);
  fields["input_factors"] = true;
  EXPECT_TRUE(parse(fields)->quantization->input_factors);
  fields["input_factors"] = 1;
  EXPECT_EQ(parse(fields).error().code, ErrorCode::kCorrupt);
}

TEST(QuantizationConfig, TakesDenseLayersBelowAllLayers) {
  json fields = parapet_fields();
  for (const int layers : {0, 1, 3}) {
    fields["dense_layers"] = layers;
    const auto config = parse(fields, 4);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->quantization->dense_layers, layers);
  }
  const std::string expected = "; must be from 0 to 3, below num_hidden_layers";
  for (const int layers : {-1, 4, 1 << 30}) {
    fields["dense_layers"] = layers;
    const auto config = parse(fields, 4);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(config.error().message,
              "f: quantization_config: dense_layers: " + std::to_string(layers) + expected);
  }
  fields["dense_layers"] = "1";
  EXPECT_EQ(parse(fields, 4).error().message,
            "f: quantization_config: dense_layers: expected an integer, found string");
}

TEST(QuantizationConfig, TakesCompressedTensors) {
  auto config = parse(compressed_fields());
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->compressed_tensors);
  EXPECT_EQ(config->compressed_tensors->format, WeightFormat::kInt4);
  EXPECT_EQ(config->compressed_tensors->group_size, 128);
  EXPECT_TRUE(config->compressed_tensors->packed);
  EXPECT_FALSE(config->quantization);

  json fields = compressed_fields();
  fields["format"] = "int-quantized";
  json& group = fields["config_groups"]["group_0"];
  group["weights"] = {{"num_bits", 8}, {"strategy", "channel"}};
  group["input_activations"] = {{"num_bits", 8}, {"dynamic", true}, {"strategy", "token"}};
  config = parse(fields);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->compressed_tensors->format, WeightFormat::kInt8);
  EXPECT_EQ(config->compressed_tensors->group_size, 0);
  EXPECT_FALSE(config->compressed_tensors->packed);
}

TEST(QuantizationConfig, TakesWhatSaversAddAndNothingFollowsFrom) {
  json fields = compressed_fields();
  fields["sparsity_config"] = {{"format", "dense"}};
  fields["transform_config"] = json::object();
  fields["quantization_status"] = "compressed";
  json& weights = fields["config_groups"]["group_0"]["weights"];
  weights["actorder"] = "weight";
  weights.erase("strategy");  // group_size says it
  EXPECT_TRUE(parse(fields));
  weights["group_size"] = -1;
  EXPECT_EQ(parse(fields).value().compressed_tensors->group_size, 0);
}

TEST(QuantizationConfig, GroupsFitWherePartsOfThemAreOurs) {
  const auto packed = [](std::int64_t size) {
    return CompressedTensorsScheme{.group_size = size}.packed_group_size();
  };
  EXPECT_EQ(packed(0), 128);
  EXPECT_EQ(packed(32), 32);
  EXPECT_EQ(packed(64), 64);
  EXPECT_EQ(packed(96), 32);
  EXPECT_EQ(packed(192), 64);
  EXPECT_EQ(packed(1024), 128);
  EXPECT_EQ(packed(16), 0);
  EXPECT_EQ(packed(100), 0);
}

void expect_refused(const json& fields, ErrorCode code, const std::string& message) {
  const auto config = parse(fields);
  ASSERT_FALSE(config) << "expected: " << message;
  EXPECT_EQ(config.error().code, code);
  EXPECT_EQ(config.error().message, "f: quantization_config: " + message);
}

TEST(QuantizationConfig, RefusesOurOwnFromAnotherVersion) {
  struct Change {
    const char* key;
    json value;
    ErrorCode code;
    const char* message;
  };
  const Change changes[] = {
      {"version", 2, ErrorCode::kUnsupported,
       "version: 2 is not supported; only 1 is; quantize the checkpoint again"},
      {"version", nullptr, ErrorCode::kCorrupt, "version: missing; expected an integer"},
      {"layout", "panel32", ErrorCode::kUnsupported,
       "layout: \"panel32\" is not supported; only \"panel16\" is"},
      {"format", "int2", ErrorCode::kUnsupported,
       "format: \"int2\" is not supported; only \"int8\" and \"int4\" are"},
      {"group_size", 48, ErrorCode::kUnsupported,
       "group_size: 48 is not supported; only 32, 64 or 128 is"},
      {"head_group_size", 0, ErrorCode::kUnsupported,
       "head_group_size: 0 is not supported; only 32, 64 or 128 is"},
      {"head_format", 8, ErrorCode::kCorrupt, "head_format: expected a string, found integer"},
      {"quant_method", "gptq", ErrorCode::kUnsupported,
       "quant_method: \"gptq\" is not supported; only \"parapet\" and \"compressed-tensors\" are; "
       "or use the unquantized checkpoint and --quantization"},
  };
  for (const Change& change : changes) {
    json fields = parapet_fields();
    fields[change.key] = change.value;
    expect_refused(fields, change.code, change.message);
  }
}

TEST(QuantizationConfig, RefusesOtherFormsOfCompressedTensors) {
  struct Change {
    const char* pointer;
    json value;
    const char* message;
  };
  const std::string group = "config_groups: \"group_0\": ";
  const Change changes[] = {
      {"/format", "float-quantized",
       "format: \"float-quantized\" is not supported; only \"pack-quantized\" and "
       "\"int-quantized\" are"},
      {"/kv_cache_scheme", {{"num_bits", 8}}, "kv_cache_scheme: is not supported; only null is"},
      {"/sparsity_config",
       {{"format", "sparse-24"}},
       "sparsity_config: is not supported; only null is"},
      {"/transform_config",
       {{"config_groups", 1}},
       "transform_config: is not supported; only null is"},
      {"/config_groups/group_0/format", "int-quantized",
       "*format: \"int-quantized\" is not supported; only \"pack-quantized\" is here"},
      {"/config_groups/group_0/output_activations",
       {{"num_bits", 8}},
       "*output_activations: is not supported; only null is"},
      {"/config_groups/group_0/input_activations",
       {{"num_bits", 8}, {"dynamic", false}},
       "*input_activations: dynamic: static activation scales are not supported; only true is"},
      {"/config_groups/group_0/input_activations",
       {{"num_bits", 8}, {"type", "float"}, {"dynamic", true}},
       "*input_activations: num_bits: 8 of type \"float\" is not supported; only 8 of type "
       "\"int\" is"},
      {"/config_groups/group_0/weights/num_bits", 2,
       "*weights: num_bits: 2 is not supported; only 4 and 8 are"},
      {"/config_groups/group_0/weights/type", "float",
       "*weights: type: \"float\" is not supported; only \"int\" is"},
      {"/config_groups/group_0/weights/symmetric", false,
       "*weights: symmetric: false: zero points are not supported; only true is"},
      {"/config_groups/group_0/weights/strategy", "block",
       "*weights: strategy: \"block\" is not supported; only \"group\" and \"channel\" are"},
      {"/config_groups/group_0/weights/strategy", "tensor",
       "*weights: strategy: \"tensor\" is not supported; only \"group\" and \"channel\" are"},
      {"/config_groups/group_0/weights/group_size", 40,
       "*weights: group_size: 40 is not supported; only multiples of 32 are"},
      {"/config_groups/group_0/weights/actorder", "group",
       "*weights: actorder: \"group\" is not supported; only null, \"weight\" and \"static\" are"},
      {"/config_groups/group_0/weights/actorder", true,
       "*weights: actorder: is not supported; only null is"},
      {"/config_groups/group_0/weights/dynamic", true,
       "*weights: dynamic: is not supported; only null is"},
  };
  for (const Change& change : changes) {
    json fields = compressed_fields();
    fields[json::json_pointer(change.pointer)] = change.value;
    std::string message = change.message;
    if (message.front() == '*') message = group + message.substr(1);
    expect_refused(fields, ErrorCode::kUnsupported, message);
  }
  json fields = compressed_fields();
  fields["format"] = "int-quantized";
  expect_refused(fields, ErrorCode::kUnsupported,
                 group + "weights: num_bits: 4 is not supported; only 8 is");
  fields = compressed_fields();
  fields["config_groups"]["group_1"] = fields["config_groups"]["group_0"];
  fields["config_groups"]["group_1"]["weights"]["num_bits"] = 8;
  expect_refused(fields, ErrorCode::kUnsupported,
                 "config_groups: \"group_1\": weights: differ from those of another group; all "
                 "must be quantized alike");
  fields["config_groups"] = json::object();
  expect_refused(fields, ErrorCode::kCorrupt,
                 "config_groups: is empty; expected a group of weights");
}

TEST(QuantizationSchemeOf, ListsWhatItKnows) {
  const auto of = [](const QuantizationChoice& choice) {
    return QuantizationScheme::of(choice, 4);
  };
  EXPECT_EQ(of({.format = "int8"}).value().group_size, 64);
  EXPECT_EQ(of({.format = "int4"}).value().group_size, 32);
  EXPECT_EQ(of({.format = "int8", .group_size = 128}).value().head_group_size, 32);
  EXPECT_TRUE(of({.format = "int8"}).value().input_factors);
  EXPECT_EQ(of({.format = "fp8"}).error().message,
            "quantization is \"fp8\", expected \"int8\" or \"int4\"");
  EXPECT_EQ(of({.format = "int4", .group_size = 16}).error().message,
            "group_size is 16, expected 32, 64 or 128");
}

TEST(QuantizationSchemeOf, KeepsTheFirstLayerButNeverAllLayers) {
  EXPECT_EQ(QuantizationScheme::of({.format = "int8"}, 4).value().dense_layers, 1);
  EXPECT_EQ(QuantizationScheme::of({.format = "int8"}, 2).value().dense_layers, 1);
  EXPECT_EQ(QuantizationScheme::of({.format = "int8"}, 1).value().dense_layers, 0);
  for (const std::int64_t layers : {0, 3}) {
    const auto scheme = QuantizationScheme::of({.format = "int8", .dense_layers = layers}, 4);
    EXPECT_EQ(scheme.value().dense_layers, layers);
  }
  for (const std::int64_t layers : {-1, 4}) {
    const auto scheme = QuantizationScheme::of({.format = "int8", .dense_layers = layers}, 4);
    ASSERT_FALSE(scheme);
    EXPECT_EQ(scheme.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(scheme.error().message,
              "dense_layers is " + std::to_string(layers) + ", expected 0 to 3");
  }
}

}  // namespace
}  // namespace parapet
