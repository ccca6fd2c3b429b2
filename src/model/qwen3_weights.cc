#include "model/qwen3_weights.h"

#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

TensorView host_view(const WeightTensor& tensor) {
  // Views are mutable because buffers are; nothing writes through a view of a weight.
  void* data = const_cast<void*>(tensor.data);
  if (tensor.shape.size() == 1) return {data, tensor.dtype, {tensor.shape[0]}};
  PARAPET_CHECK(tensor.shape.size() == 2);
  return {data, tensor.dtype, {tensor.shape[0], tensor.shape[1]}};
}

// The angle a pair turns by from one position to the next: theta^(-2i / head_dim), rounded to
// float at each step as the published implementation does: at position 30,000 the angles of
// another rounding would already differ in the third digit.
std::vector<float> rope_inv_freq(double theta, std::int64_t head_dim) {
  std::vector<float> inv_freq;
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(head_dim);
    inv_freq.push_back(1.0F / std::pow(static_cast<float>(theta), exponent));
  }
  return inv_freq;
}

class Loader {
 public:
  Loader(Device& device, Qwen3Weights& weights, double eps)
      : device_(device), weights_(weights), eps_(static_cast<float>(eps)) {}

  Result<TensorView> tensor(TensorView host) {
    PARAPET_ASSIGN(std::unique_ptr<Buffer> buffer, device_.load_tensor(host));
    TensorView view = host.rank() == 1
                          ? TensorView(buffer->data(), host.dtype(), {host.dim(0)})
                          : TensorView(buffer->data(), host.dtype(), {host.dim(0), host.dim(1)});
    weights_.buffers.push_back(std::move(buffer));
    return view;
  }

  Result<TensorView> tensor(const std::string& name) {
    return tensor(host_view(weights_.host.at(name)));
  }

  Status norm(const std::string& name, Norm& out) {
    PARAPET_ASSIGN(out.scale, tensor(name));
    out.eps = eps_;
    return {};
  }

  // One matrix of several, stacked along the output features.
  Status linear(const std::string& prefix, std::initializer_list<const char*> names,
                std::unique_ptr<LinearWeight>& out) {
    std::vector<TensorView> dense;
    std::vector<PackedMatrix> packed;
    for (const char* name : names) {
      if (const PackedMatrix* matrix = weights_.host.packed(prefix + name)) {
        packed.push_back(*matrix);
      } else {
        dense.push_back(host_view(weights_.host.at(prefix + name)));
      }
    }
    PARAPET_CHECK(dense.empty() || packed.empty());
    PARAPET_ASSIGN(
        out, packed.empty() ? device_.load_linear(dense) : device_.load_packed_linear(packed));
    return {};
  }

 private:
  Device& device_;
  Qwen3Weights& weights_;
  float eps_;
};

Status load_layer(Loader& load, const std::string& prefix, Qwen3Layer& layer) {
  PARAPET_TRY(load.norm(prefix + "input_layernorm.weight", layer.input_norm));
  PARAPET_TRY(load.linear(prefix + "self_attn.",
                          {"q_proj.weight", "k_proj.weight", "v_proj.weight"}, layer.qkv));
  PARAPET_TRY(load.norm(prefix + "self_attn.q_norm.weight", layer.q_norm));
  PARAPET_TRY(load.norm(prefix + "self_attn.k_norm.weight", layer.k_norm));
  PARAPET_TRY(load.linear(prefix + "self_attn.", {"o_proj.weight"}, layer.o_proj));
  PARAPET_TRY(load.norm(prefix + "post_attention_layernorm.weight", layer.post_attention_norm));
  PARAPET_TRY(load.linear(prefix + "mlp.", {"gate_proj.weight", "up_proj.weight"}, layer.gate_up));
  return load.linear(prefix + "mlp.", {"down_proj.weight"}, layer.down);
}

}  // namespace

Result<Qwen3Weights> Qwen3Weights::load(Device& device, const ModelConfig& config, Weights host) {
  Qwen3Weights weights{.host = std::move(host),
                       .inv_freq_host = rope_inv_freq(config.rope_theta, config.head_dim),
                       .buffers = {},
                       .embedding = nullptr,
                       .inv_freq = {},
                       .layers = {},
                       .final_norm = {},
                       .untied_lm_head = nullptr};
  Loader load(device, weights, config.rms_norm_eps);
  PARAPET_TRY(load.linear("", {"model.embed_tokens.weight"}, weights.embedding));
  PARAPET_ASSIGN(weights.inv_freq, load.tensor(TensorView(weights.inv_freq_host.data(), DType::kF32,
                                                          {std::ssize(weights.inv_freq_host)})));
  weights.layers.resize(static_cast<std::size_t>(config.num_hidden_layers));
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    PARAPET_TRY(load_layer(load, "model.layers." + std::to_string(i) + ".", weights.layers[i]));
  }
  PARAPET_TRY(load.norm("model.norm.weight", weights.final_norm));
  if (!config.tie_word_embeddings) {
    PARAPET_TRY(load.linear("", {"lm_head.weight"}, weights.untied_lm_head));
  }
  return weights;
}

}  // namespace parapet
