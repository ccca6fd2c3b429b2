// What a checkpoint is, read from its files without loading a weight.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/export.h"

namespace parapet {

struct ModelCard {
  std::string architecture;  // "Qwen3ForCausalLM"
  std::string dtype;  // "bfloat16": of dense tensors, or of the configuration without weights
  std::int64_t num_layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  double rope_theta = 0;
  double rms_norm_eps = 0;
  std::int64_t max_positions = 0;
  std::int64_t vocab_size = 0;
  bool tied_embeddings = false;
  std::int64_t num_parameters = 0;

  struct Shard {
    std::string file;  // name inside the folder
    std::uint64_t bytes = 0;
  };
  std::vector<Shard> shards;       // empty where the folder has no weight files
  std::uint64_t weight_bytes = 0;  // of the tensors; without weight files, what they would take
  std::int64_t num_tensors = 0;
  double bits_per_weight() const {
    return 8 * static_cast<double>(weight_bytes) / static_cast<double>(num_parameters);
  }
  std::string quantization;                    // "int8", "int4": of the layers' matrices; "": dense
  std::string quantization_method;             // "parapet", "compressed-tensors", ""
  std::int64_t quantization_group_size = 0;    // inputs that share a scale
  std::int64_t quantization_dense_layers = 0;  // first layers without a quantized matrix
  std::int64_t kv_bytes_per_token = 0;         // in the default KV cache dtype
  std::string kv_dtype;

  bool has_weights = false;
  bool has_tokenizer = false;
  std::int64_t tokenizer_size = 0;  // ids the tokenizer can give, added tokens included
  bool has_chat_template = false;
};

// Reads and checks config.json, the headers of all shards, the tokenizer and the template. Missing
// weights or a missing tokenizer are reported in the card; broken ones are Errors.
PARAPET_API Result<ModelCard> inspect(const std::filesystem::path& directory);

}  // namespace parapet
