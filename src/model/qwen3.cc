#include "model/qwen3.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace parapet {

std::vector<Qwen3Model::Activations::Extent> Qwen3Model::Activations::extents(
    const ModelConfig& config, const StepLimits& limits) {
  const std::int64_t tokens = limits.max_num_tokens;
  const std::int64_t rows = limits.max_num_logit_rows;
  const std::int64_t query_features = config.num_attention_heads * config.head_dim;
  const std::int64_t kv_features = config.num_key_value_heads * config.head_dim;
  return {{&Activations::hidden, tokens, config.hidden_size},
          {&Activations::cos_sin, tokens, config.head_dim},
          {&Activations::qkv, tokens, query_features + 2 * kv_features},
          {&Activations::query, tokens, query_features},
          {&Activations::attention, tokens, query_features},
          {&Activations::mlp, std::max(tokens, rows), config.intermediate_size},
          {&Activations::last, rows, config.hidden_size},
          {&Activations::last_attention, rows, query_features},
          {&Activations::logits, rows, config.vocab_size}};
}

Result<Qwen3Model::Activations> Qwen3Model::Activations::allocate(Device& device,
                                                                  const ModelConfig& config,
                                                                  const StepLimits& limits) {
  Activations all;
  for (const auto& [view, rows, features] : extents(config, limits)) {
    const TensorView shape(nullptr, DType::kF32, {rows, features});
    PARAPET_ASSIGN(std::unique_ptr<Buffer> buffer, device.allocate(shape.bytes()));
    all.*view = TensorView(buffer->data(), DType::kF32, {rows, features});
    all.buffers.push_back(std::move(buffer));
  }
  return all;
}

std::int64_t Qwen3Model::activation_bytes(const ModelConfig& config, const StepLimits& limits) {
  std::int64_t elements = 0;
  for (const auto& extent : Activations::extents(config, limits)) {
    elements += extent.rows * extent.features;
  }
  return elements * static_cast<std::int64_t>(dtype_size(DType::kF32));
}

Result<Qwen3Model> Qwen3Model::load(Device& device, const ModelConfig& config, Weights weights,
                                    const StepLimits& limits) {
  PARAPET_CHECK(limits.max_num_tokens > 0 && limits.max_num_logit_rows > 0);
  PARAPET_ASSIGN(Qwen3Weights loaded, Qwen3Weights::load(device, config, std::move(weights)));
  PARAPET_ASSIGN(Activations activations, Activations::allocate(device, config, limits));
  return Qwen3Model(device, config, limits, std::move(loaded), std::move(activations));
}

Qwen3Model::Qwen3Model(Device& device, const ModelConfig& config, const StepLimits& limits,
                       Qwen3Weights weights, Activations activations)
    : device_(&device),
      config_(config),
      limits_(limits),
      heads_{.num_heads = static_cast<int>(config.num_attention_heads),
             .num_kv_heads = static_cast<int>(config.num_key_value_heads),
             .head_dim = static_cast<int>(config.head_dim)},
      weights_(std::move(weights)),
      activations_(std::move(activations)) {}

KvCacheSpec Qwen3Model::kv_cache_spec(int num_blocks, int block_size, DType dtype) const {
  return {.num_layers = static_cast<int>(config_.num_hidden_layers),
          .num_blocks = num_blocks,
          .block_size = block_size,
          .num_kv_heads = heads_.num_kv_heads,
          .head_dim = heads_.head_dim,
          .dtype = dtype};
}

void Qwen3Model::forward(Stream& stream, const BatchView& batch, KvCache& cache) {
  for (int index = 0; index < num_pieces(); ++index) {
    piece(stream, batch.token_ids, batch.positions, index);
    attention(stream, batch, cache, index);
  }
}

// What stands between two attentions: the rest of one layer and the beginning of the next.
void Qwen3Model::piece(Stream& stream, TensorView token_ids, TensorView positions, int index) {
  const Qwen3Layer& weights = weights_.layers[static_cast<std::size_t>(index)];
  const std::int64_t num_rows = token_ids.dim(0);
  const TensorView hidden = activations_.hidden.first(num_rows);
  Ops& ops = device_->ops();
  if (index == 0) {
    ops.embed(stream, token_ids, *weights_.embedding, hidden);
    ops.rope_angles(stream, positions, weights_.inv_freq, activations_.cos_sin.first(num_rows));
  } else {
    finish_layer(stream, index - 1, activations_.attention.first(num_rows), hidden);
  }
  ops.norm_linear(stream, hidden, weights.input_norm, *weights.qkv,
                  activations_.qkv.first(num_rows));
}

void Qwen3Model::attention(Stream& stream, const BatchView& batch, KvCache& cache, int index) {
  const Qwen3Layer& weights = weights_.layers[static_cast<std::size_t>(index)];
  const std::int64_t num_tokens = batch.num_tokens();
  const TensorView query = activations_.query.first(num_tokens);
  const float scale = 1.0F / std::sqrt(static_cast<float>(heads_.head_dim));
  Ops& ops = device_->ops();
  ops.qk_norm_rope_store_kv(stream, activations_.qkv.first(num_tokens), heads_, weights.q_norm,
                            weights.k_norm, activations_.cos_sin.first(num_tokens),
                            batch.slot_mapping, cache, index, query);
  ops.paged_attention(stream, query, heads_, cache, index, batch, scale,
                      activations_.attention.first(num_tokens));
}

void Qwen3Model::finish_layer(Stream& stream, int layer, TensorView attention, TensorView hidden) {
  const Qwen3Layer& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const TensorView mlp = activations_.mlp.first(hidden.dim(0));
  Ops& ops = device_->ops();
  ops.linear_add(stream, attention, *weights.o_proj, hidden);
  ops.norm_gate_up_silu(stream, hidden, weights.post_attention_norm, *weights.gate_up, mlp);
  ops.linear_add(stream, mlp, *weights.down, hidden);
}

// The head costs as much as several layers, and after the last attention no row needs another: only
// rows that are read go further.
TensorView Qwen3Model::logits(Stream& stream, TensorView rows) {
  const std::int64_t num_rows = rows.dim(0);
  const TensorView hidden = activations_.last.first(num_rows);
  const TensorView attention = activations_.last_attention.first(num_rows);
  const TensorView logits = activations_.logits.first(num_rows);
  Ops& ops = device_->ops();
  ops.gather_rows(stream, activations_.hidden, rows, hidden);
  ops.gather_rows(stream, activations_.attention, rows, attention);
  finish_layer(stream, num_pieces() - 1, attention, hidden);
  ops.norm_linear(stream, hidden, weights_.final_norm, weights_.lm_head(), logits);
  return logits;
}

}  // namespace parapet
