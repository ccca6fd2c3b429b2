// config.json and generation_config.json, checked: what a Qwen3ForCausalLM is made of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "checkpoint/quantization.h"
#include "parapet/error.h"

namespace parapet {

// The largest sizes accepted. They are far above any published model, and small enough that every
// product of sizes below (parameters, bytes of weights, bytes of a full KV cache) fits in int64.
inline constexpr std::int64_t kMaxVocabSize = 1 << 24;
inline constexpr std::int64_t kMaxHiddenSize = 1 << 20;  // and intermediate_size
inline constexpr std::int64_t kMaxLayers = 1 << 10;
inline constexpr std::int64_t kMaxHeads = 1 << 12;
inline constexpr std::int64_t kMaxHeadDim = 1 << 12;
inline constexpr std::int64_t kMaxPositions = 1 << 24;

struct ModelConfig {
  std::string architecture;  // "Qwen3ForCausalLM"
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;  // as given; not hidden_size / num_attention_heads
  std::int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 1e6;
  bool tie_word_embeddings = false;
  DType dtype = DType::kBF16;  // torch_dtype (dtype in newer files): what dummy weights are made of
  // quantization_config: how the files hold the matrices; none: dense. At most one of the two.
  std::optional<QuantizationScheme> quantization = {};  // "parapet": packed, used in place
  std::optional<CompressedTensorsScheme> compressed_tensors = {};  // "compressed-tensors": repacked

  // Reads DIR/config.json. Refuses by name what this forward does not do: another architecture or
  // hidden_act, rope scaling, sliding windows, attention biases, other ways to quantize.
  static Result<ModelConfig> read(const std::filesystem::path& directory);
  // The same from the file's text; `name` stands in errors.
  static Result<ModelConfig> parse(std::string name, std::string_view text);

  std::int64_t num_parameters() const;
  // Keys and values of one token in all layers.
  std::int64_t kv_bytes_per_token(DType kv_dtype) const;
};

// The sampling defaults a checkpoint ships; absent fields stay empty.
struct GenerationConfig {
  std::vector<std::int32_t> eos_token_ids;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::optional<bool> do_sample;

  // Reads DIR/generation_config.json, or gives an empty one where there is none. Without
  // eos_token_id there, config.json's is taken.
  static Result<GenerationConfig> read(const std::filesystem::path& directory);
  // The same from one file's text, without the look into config.json.
  static Result<GenerationConfig> parse(std::string name, std::string_view text);
};

}  // namespace parapet
