#include "parapet/model_card.h"

#include <system_error>

#include "api/boundary.h"
#include "base/check.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "engine/options.h"
#include "parapet/chat_tokenizer.h"
#include "text/chat_template.h"

namespace parapet {
namespace {

bool has_file(const std::filesystem::path& directory, const char* name) {
  std::error_code ignored;
  return std::filesystem::exists(directory / name, ignored);
}

Status describe_config(const ModelConfig& config, ModelCard& card) {
  PARAPET_ASSIGN(const EngineLimits defaults, EngineLimits::resolve({}, config));
  card.architecture = config.architecture;
  card.dtype = dtype_name(config.dtype);
  card.num_layers = config.num_hidden_layers;
  card.hidden_size = config.hidden_size;
  card.intermediate_size = config.intermediate_size;
  card.num_heads = config.num_attention_heads;
  card.num_kv_heads = config.num_key_value_heads;
  card.head_dim = config.head_dim;
  card.rope_theta = config.rope_theta;
  card.rms_norm_eps = config.rms_norm_eps;
  card.max_positions = config.max_position_embeddings;
  card.vocab_size = config.vocab_size;
  card.tied_embeddings = config.tie_word_embeddings;
  card.num_parameters = config.num_parameters();
  card.weight_bytes = static_cast<std::uint64_t>(card.num_parameters) * dtype_size(config.dtype);
  card.kv_dtype = dtype_name(defaults.kv_cache_dtype);
  card.kv_bytes_per_token = config.kv_bytes_per_token(defaults.kv_cache_dtype);
  return {};
}

Status describe_weights(const std::filesystem::path& directory, const ModelConfig& config,
                        ModelCard& card) {
  PARAPET_ASSIGN(const Weights weights, Weights::open(directory, config));
  card.has_weights = true;
  // A norm is of the type that all was, before some of it was quantized.
  card.dtype = dtype_name(weights.at("model.norm.weight").dtype);
  const WeightsSummary& summary = weights.summary();
  card.weight_bytes = summary.bytes;
  card.num_tensors = summary.num_tensors;
  if (summary.format) {
    card.quantization = weight_format_name(*summary.format);
    card.quantization_method = config.compressed_tensors ? "compressed-tensors" : "parapet";
    card.quantization_group_size = summary.group_size;
    card.quantization_dense_layers = summary.dense_layers;
  }
  for (const auto& shard : weights.summary().shards) {
    card.shards.push_back({shard.filename().string(), std::filesystem::file_size(shard)});
  }
  return {};
}

Result<ModelCard> describe(const std::filesystem::path& directory) {
  PARAPET_ASSIGN(const ModelConfig config, ModelConfig::read(directory));
  ModelCard card;
  PARAPET_TRY(describe_config(config, card));
  if (has_file(directory, "model.safetensors") ||
      has_file(directory, "model.safetensors.index.json")) {
    PARAPET_TRY(describe_weights(directory, config, card));
  }
  if (has_file(directory, "tokenizer.json")) {
    PARAPET_ASSIGN(const ChatTokenizer tokenizer, ChatTokenizer::load(directory));
    card.has_tokenizer = true;
    card.tokenizer_size = tokenizer.vocab_size();
  }
  if (const auto chat_template = ChatTemplate::load(directory)) {
    card.has_chat_template = true;
  } else if (chat_template.error().code != ErrorCode::kNotFound) {
    return chat_template.error();
  }
  return card;
}

}  // namespace

Result<ModelCard> inspect(const std::filesystem::path& directory) {
  return guarded([&] { return describe(directory); });
}

}  // namespace parapet
