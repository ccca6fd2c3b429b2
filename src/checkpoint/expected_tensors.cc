#include "checkpoint/weights.h"

namespace parapet {
namespace {

void add_layer(const ModelConfig& config, std::int64_t layer, std::vector<ExpectedTensor>& all) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t query = config.num_attention_heads * config.head_dim;
  const std::int64_t key_value = config.num_key_value_heads * config.head_dim;
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    const TensorRole role = shape.size() == 1 ? TensorRole::kNorm : TensorRole::kProjection;
    all.push_back({prefix + name + ".weight", std::move(shape), role, layer});
  };
  add("input_layernorm", {hidden});
  add("self_attn.q_proj", {query, hidden});
  add("self_attn.k_proj", {key_value, hidden});
  add("self_attn.v_proj", {key_value, hidden});
  add("self_attn.q_norm", {config.head_dim});
  add("self_attn.k_norm", {config.head_dim});
  add("self_attn.o_proj", {hidden, query});
  add("post_attention_layernorm", {hidden});
  add("mlp.gate_proj", {config.intermediate_size, hidden});
  add("mlp.up_proj", {config.intermediate_size, hidden});
  add("mlp.down_proj", {hidden, config.intermediate_size});
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> all;
  const std::vector<std::int64_t> vocabulary = {config.vocab_size, config.hidden_size};
  const bool tied = config.tie_word_embeddings;
  all.push_back(
      {"model.embed_tokens.weight", vocabulary, tied ? TensorRole::kHead : TensorRole::kEmbedding});
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    add_layer(config, layer, all);
  }
  all.push_back({"model.norm.weight", {config.hidden_size}, TensorRole::kNorm});
  if (!tied) all.push_back({"lm_head.weight", vocabulary, TensorRole::kHead});
  return all;
}

std::optional<PackedShape> packed_shape(const ExpectedTensor& tensor,
                                        const QuantizationScheme& scheme) {
  PackedShape shape;
  switch (tensor.role) {
    case TensorRole::kNorm:
    case TensorRole::kEmbedding: return std::nullopt;
    case TensorRole::kProjection:
      if (tensor.layer < scheme.dense_layers) return std::nullopt;
      shape.format = scheme.format;
      shape.group_size = scheme.group_size;
      shape.has_input_factors = scheme.input_factors;
      break;
    case TensorRole::kHead:
      shape.format = scheme.head_format;
      shape.group_size = scheme.head_group_size;
      break;
  }
  shape.out_features = tensor.shape[0];
  shape.in_features = tensor.shape[1];
  return shape;
}

}  // namespace parapet
