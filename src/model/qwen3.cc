#include "model/qwen3.h"

#include <cmath>
#include <utility>

namespace parapet {

Result<Qwen3Model::Activations> Qwen3Model::Activations::allocate(Device& device,
                                                                  const ModelConfig& config,
                                                                  const StepLimits& limits) {
  Activations all;
  const auto make = [&](TensorView& view, std::int64_t rows, std::int64_t features) -> Status {
    const TensorView shape(nullptr, DType::kF32, {rows, features});
    PARAPET_ASSIGN(std::unique_ptr<Buffer> buffer, device.allocate(shape.bytes()));
    view = TensorView(buffer->data(), DType::kF32, {rows, features});
    all.buffers.push_back(std::move(buffer));
    return {};
  };
  const std::int64_t tokens = limits.max_num_tokens;
  const std::int64_t rows = limits.max_num_logit_rows;
  const std::int64_t query_features = config.num_attention_heads * config.head_dim;
  const std::int64_t kv_features = config.num_key_value_heads * config.head_dim;
  PARAPET_TRY(make(all.hidden, tokens, config.hidden_size));
  PARAPET_TRY(make(all.cos_sin, tokens, config.head_dim));
  PARAPET_TRY(make(all.qkv, tokens, query_features + 2 * kv_features));
  PARAPET_TRY(make(all.query, tokens, query_features));
  PARAPET_TRY(make(all.attention, tokens, query_features));
  PARAPET_TRY(make(all.mlp, tokens, config.intermediate_size));
  PARAPET_TRY(make(all.last, rows, config.hidden_size));
  PARAPET_TRY(make(all.logits, rows, config.vocab_size));
  return all;
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

TensorView Qwen3Model::forward(Stream& stream, const BatchView& batch, KvCache& cache,
                               TensorView logit_rows) {
  const std::int64_t num_tokens = batch.num_tokens();
  const TensorView hidden = activations_.hidden.first(num_tokens);
  const TensorView last = activations_.last.first(logit_rows.dim(0));
  const TensorView logits = activations_.logits.first(logit_rows.dim(0));
  Ops& ops = device_->ops();

  ops.embed(stream, batch.token_ids, weights_.embedding, hidden);
  ops.rope_angles(stream, batch.positions, weights_.inv_freq,
                  activations_.cos_sin.first(num_tokens));
  for (int layer = 0; layer < static_cast<int>(weights_.layers.size()); ++layer) {
    attention_block(stream, batch, cache, layer);
    mlp_block(stream, num_tokens, layer);
  }
  // The head costs as much as several layers: only rows that are read go through it.
  if (logit_rows.dim(0) > 0) {
    ops.gather_rows(stream, hidden, logit_rows, last);
    ops.norm_linear(stream, last, weights_.final_norm, *weights_.lm_head, logits);
  }
  return logits;
}

void Qwen3Model::attention_block(Stream& stream, const BatchView& batch, KvCache& cache,
                                 int layer) {
  const Qwen3Layer& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t num_tokens = batch.num_tokens();
  const TensorView hidden = activations_.hidden.first(num_tokens);
  const TensorView qkv = activations_.qkv.first(num_tokens);
  const TensorView query = activations_.query.first(num_tokens);
  const TensorView attention = activations_.attention.first(num_tokens);
  const float scale = 1.0F / std::sqrt(static_cast<float>(heads_.head_dim));
  Ops& ops = device_->ops();

  ops.norm_linear(stream, hidden, weights.input_norm, *weights.qkv, qkv);
  ops.qk_norm_rope_store_kv(stream, qkv, heads_, weights.q_norm, weights.k_norm,
                            activations_.cos_sin.first(num_tokens), batch.slot_mapping, cache,
                            layer, query);
  ops.paged_attention(stream, query, heads_, cache, layer, batch, scale, attention);
  ops.linear_add(stream, attention, *weights.o_proj, hidden);
}

void Qwen3Model::mlp_block(Stream& stream, std::int64_t num_tokens, int layer) {
  const Qwen3Layer& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const TensorView hidden = activations_.hidden.first(num_tokens);
  const TensorView mlp = activations_.mlp.first(num_tokens);
  Ops& ops = device_->ops();

  ops.norm_gate_up_silu(stream, hidden, weights.post_attention_norm, *weights.gate_up, mlp);
  ops.linear_add(stream, mlp, *weights.down, hidden);
}

}  // namespace parapet
