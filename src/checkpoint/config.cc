#include "checkpoint/config.h"

#include <cmath>

#include "base/check.h"
#include "base/json.h"
#include "base/quote.h"
#include "checkpoint/number_text.h"
#include "checkpoint/quantization_config.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;  // published ones hold about 1 KB
constexpr std::string_view kArchitecture = "Qwen3ForCausalLM";

// What transformers' Qwen3Config assumes where a file is silent.
constexpr std::int64_t kDefaultHeadDim = 128;
constexpr std::int64_t kDefaultKeyValueHeads = 32;
constexpr double kDefaultRmsNormEps = 1e-6;

Result<std::int64_t> in_range(const JsonObject& json, std::string_view key, std::int64_t value,
                              std::int64_t max) {
  if (value < 1) {
    return json.error(ErrorCode::kCorrupt, key, std::to_string(value) + "; must be at least 1");
  }
  if (value > max) {
    return json.error(ErrorCode::kUnsupported, key,
                      std::to_string(value) + "; at most " + std::to_string(max) + " is supported");
  }
  return value;
}

Result<std::int64_t> size(const JsonObject& json, std::string_view key, std::int64_t max) {
  PARAPET_ASSIGN(const std::int64_t value, json.integer(key));
  return in_range(json, key, value, max);
}

Result<double> positive(const JsonObject& json, std::string_view key, double value) {
  if (std::isfinite(value) && value > 0) return value;
  return json.error(ErrorCode::kCorrupt, key, number_text(value) + "; must be finite and above 0");
}

// A word that must be one given value, or be absent.
Status check_word(const JsonObject& json, std::string_view key, std::string_view supported) {
  PARAPET_ASSIGN(const std::string_view word, json.string_or(key, supported));
  if (word == supported) return {};
  return json.error(ErrorCode::kUnsupported, key,
                    quote(word) + " is not supported; only " + quote(supported) + " is");
}

Status check_false(const JsonObject& json, std::string_view key) {
  PARAPET_ASSIGN(const bool set, json.boolean_or(key, false));
  if (!set) return {};
  return json.error(ErrorCode::kUnsupported, key, "true is not supported; only false is");
}

Status check_absent(const JsonObject& json, std::string_view key) {
  if (!json.find(key)) return {};
  return json.error(ErrorCode::kUnsupported, key,
                    "this older form is not supported; newer savers write quantization_config");
}

Status check_architecture(const JsonObject& json) {
  PARAPET_ASSIGN(const JsonArray names, json.array("architectures"));
  std::string_view name;
  if (names.size() != 1 || names.at(0).get(name) != simdjson::SUCCESS) {
    return json.error(ErrorCode::kCorrupt, "architectures", "must list exactly one name");
  }
  if (name != kArchitecture) {
    return json.error(ErrorCode::kUnsupported, "architectures",
                      quote(name) + " is not supported; only " + quote(kArchitecture) + " is");
  }
  return check_word(json, "model_type", "qwen3");
}

Status check_layer_types(const JsonObject& json, std::int64_t num_layers) {
  constexpr std::string_view kKey = "layer_types";
  if (!json.find(kKey)) return {};
  PARAPET_ASSIGN(const JsonArray types, json.array(kKey));
  std::int64_t count = 0;
  for (const JsonElement element : types) {
    std::string_view type;
    if (element.get(type) != simdjson::SUCCESS) {
      return json.error(ErrorCode::kCorrupt, kKey, "must hold strings only");
    }
    if (type != "full_attention") {
      return json.error(ErrorCode::kUnsupported, kKey,
                        quote(type) + " is not supported; only \"full_attention\" is");
    }
    ++count;
  }
  if (count == num_layers) return {};
  return json.error(ErrorCode::kCorrupt, kKey,
                    std::to_string(count) + " entries for " + std::to_string(num_layers) +
                        " layers (num_hidden_layers)");
}

// Features that would change the result, each refused by its name.
Status check_features(const JsonObject& json) {
  PARAPET_TRY(check_architecture(json));
  PARAPET_TRY(check_word(json, "hidden_act", "silu"));
  PARAPET_TRY(check_false(json, "attention_bias"));
  PARAPET_TRY(check_false(json, "use_sliding_window"));
  return check_absent(json, "compression_config");
}

// rope_theta stands at top level in older files, in rope_parameters in newer ones; rope_scaling is
// the older name of the latter. One that stands twice must agree.
Status read_rope(const JsonObject& json, std::optional<double>& theta) {
  if (json.find("rope_theta")) {
    PARAPET_ASSIGN(const double value, json.number("rope_theta"));
    PARAPET_ASSIGN(const double checked, positive(json, "rope_theta", value));
    if (theta && *theta != checked) {
      return json.error(
          ErrorCode::kCorrupt, "rope_theta",
          number_text(checked) + " here, " + number_text(*theta) + " elsewhere in the file");
    }
    theta = checked;
  }
  PARAPET_ASSIGN(const double rotary, json.number_or("partial_rotary_factor", 1));
  if (rotary == 1) return {};
  return json.error(ErrorCode::kUnsupported, "partial_rotary_factor",
                    number_text(rotary) + " is not supported; only 1 is");
}

Result<double> rope_theta(const JsonObject& json) {
  std::optional<double> theta;
  PARAPET_TRY(read_rope(json, theta));
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    if (!json.find(key)) continue;
    PARAPET_ASSIGN(const JsonObject rope, json.object(key));
    PARAPET_TRY(check_word(rope, "rope_type", "default"));
    PARAPET_TRY(check_word(rope, "type", "default"));
    PARAPET_TRY(read_rope(rope, theta));
  }
  if (theta) return *theta;
  return json.error(ErrorCode::kCorrupt, "rope_theta",
                    "missing, at top level and in rope_parameters; expected a number");
}

Result<DType> weight_dtype(const JsonObject& json) {
  const std::string_view key = json.find("dtype") ? "dtype" : "torch_dtype";
  PARAPET_ASSIGN(const std::string_view name, json.string_or(key, "bfloat16"));
  const auto dtype = dtype_from_name(name);
  if (dtype && is_float(*dtype)) return *dtype;
  return json.error(ErrorCode::kUnsupported, key,
                    quote(name) + " is not supported; only bfloat16, float16 and float32 are");
}

// An explicit null means as many as attention heads; silence means transformers' default.
Result<std::int64_t> key_value_heads(const JsonObject& json, std::int64_t num_heads) {
  constexpr std::string_view kKey = "num_key_value_heads";
  const bool is_null = json.fields().at_key(kKey).error() == simdjson::SUCCESS && !json.find(kKey);
  PARAPET_ASSIGN(const std::int64_t given,
                 json.integer_or(kKey, is_null ? num_heads : kDefaultKeyValueHeads));
  PARAPET_ASSIGN(const std::int64_t heads, in_range(json, kKey, given, kMaxHeads));
  if (num_heads % heads == 0) return heads;
  return json.error(
      ErrorCode::kCorrupt, kKey,
      std::to_string(heads) + " does not divide num_attention_heads, " + std::to_string(num_heads));
}

Result<std::int64_t> head_dim(const JsonObject& json) {
  PARAPET_ASSIGN(const std::int64_t given, json.integer_or("head_dim", kDefaultHeadDim));
  PARAPET_ASSIGN(const std::int64_t dim, in_range(json, "head_dim", given, kMaxHeadDim));
  if (dim % 2 == 0) return dim;
  return json.error(ErrorCode::kUnsupported, "head_dim",
                    std::to_string(dim) + " is odd; rotary embeddings need an even one");
}

Result<ModelConfig> parse_model_config(const JsonObject& json) {
  PARAPET_TRY(check_features(json));
  ModelConfig config;
  config.architecture = kArchitecture;
  PARAPET_ASSIGN(config.vocab_size, size(json, "vocab_size", kMaxVocabSize));
  PARAPET_ASSIGN(config.hidden_size, size(json, "hidden_size", kMaxHiddenSize));
  PARAPET_ASSIGN(config.intermediate_size, size(json, "intermediate_size", kMaxHiddenSize));
  PARAPET_ASSIGN(config.num_hidden_layers, size(json, "num_hidden_layers", kMaxLayers));
  PARAPET_TRY(check_layer_types(json, config.num_hidden_layers));
  PARAPET_ASSIGN(config.num_attention_heads, size(json, "num_attention_heads", kMaxHeads));
  PARAPET_ASSIGN(config.num_key_value_heads, key_value_heads(json, config.num_attention_heads));
  PARAPET_ASSIGN(config.head_dim, head_dim(json));
  PARAPET_ASSIGN(config.max_position_embeddings,
                 size(json, "max_position_embeddings", kMaxPositions));
  PARAPET_ASSIGN(const double eps, json.number_or("rms_norm_eps", kDefaultRmsNormEps));
  PARAPET_ASSIGN(config.rms_norm_eps, positive(json, "rms_norm_eps", eps));
  PARAPET_ASSIGN(config.rope_theta, rope_theta(json));
  PARAPET_ASSIGN(config.tie_word_embeddings, json.boolean_or("tie_word_embeddings", false));
  PARAPET_ASSIGN(config.dtype, weight_dtype(json));
  PARAPET_TRY(read_quantization(json, config));
  return config;
}

}  // namespace

Result<ModelConfig> ModelConfig::parse(std::string name, std::string_view text) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(std::move(name), text));
  PARAPET_ASSIGN(const JsonObject json, document.object());
  return parse_model_config(json);
}

Result<ModelConfig> ModelConfig::read(const std::filesystem::path& directory) {
  PARAPET_ASSIGN(const JsonDocument document,
                 JsonDocument::read(directory / "config.json", kMaxConfigBytes));
  PARAPET_ASSIGN(const JsonObject json, document.object());
  return parse_model_config(json);
}

std::int64_t ModelConfig::num_parameters() const {
  const std::int64_t query = num_attention_heads * head_dim;
  const std::int64_t key_value = num_key_value_heads * head_dim;
  const std::int64_t attention = 2 * hidden_size * (query + key_value) + 2 * head_dim;
  const std::int64_t mlp = 3 * hidden_size * intermediate_size;
  const std::int64_t layer = attention + mlp + 2 * hidden_size;
  const std::int64_t embeddings = (tie_word_embeddings ? 1 : 2) * vocab_size * hidden_size;
  return embeddings + num_hidden_layers * layer + hidden_size;
}

std::int64_t ModelConfig::kv_bytes_per_token(DType kv_dtype) const {
  return 2 * num_hidden_layers * num_key_value_heads *
         static_cast<std::int64_t>(cached_row_bytes(kv_dtype, static_cast<std::size_t>(head_dim)));
}

}  // namespace parapet
