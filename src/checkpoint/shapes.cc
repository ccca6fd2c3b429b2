#include "checkpoint/shapes.h"

namespace parapet {
namespace {

struct Shape {
  const char* name;
  std::int64_t vocab_size;
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t num_key_value_heads;
  std::int64_t head_dim;
  bool tie_word_embeddings;
};

// As in the config.json of each checkpoint.
constexpr Shape kShapes[] = {
    {"0.6b", 151936, 1024, 3072, 28, 16, 8, 128, true},
    {"4b", 151936, 2560, 9728, 36, 32, 8, 128, true},
    {"8b", 151936, 4096, 12288, 36, 32, 8, 128, false},
    {"tiny", 512, 64, 128, 2, 2, 1, 32, true},
};

constexpr std::string_view kPrefix = "qwen3guard-";

}  // namespace

Result<ModelConfig> config_of_shape(std::string_view name) {
  const std::string_view size = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
  for (const Shape& shape : kShapes) {
    if (size != shape.name) continue;
    return ModelConfig{.architecture = "Qwen3ForCausalLM",
                       .vocab_size = shape.vocab_size,
                       .hidden_size = shape.hidden_size,
                       .intermediate_size = shape.intermediate_size,
                       .num_hidden_layers = shape.num_hidden_layers,
                       .num_attention_heads = shape.num_attention_heads,
                       .num_key_value_heads = shape.num_key_value_heads,
                       .head_dim = shape.head_dim,
                       .max_position_embeddings = 32768,
                       .tie_word_embeddings = shape.tie_word_embeddings,
                       .dtype = DType::kBF16};
  }
  std::string known;
  for (const std::string& shape : shape_names()) known += (known.empty() ? "'" : "', '") + shape;
  return Error{ErrorCode::kInvalidArgument,
               "shape: '" + std::string(name) + "'; expected " + known + "'"};
}

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

}  // namespace parapet
