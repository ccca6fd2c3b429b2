#include "checkpoint/quantization_config.h"

#include <string>
#include <string_view>

#include "base/check.h"
#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::string_view kLayout = "panel16";  // that of base/packed_weight.h
constexpr std::int64_t kVersion = 1;

Error unsupported(const JsonObject& json, std::string_view key, const std::string& value,
                  std::string_view supported) {
  return json.error(ErrorCode::kUnsupported, key,
                    value + " is not supported; only " + std::string(supported));
}

Result<WeightFormat> weight_format(const JsonObject& json, std::string_view key) {
  PARAPET_ASSIGN(const std::string_view name, json.string(key));
  if (const auto format = weight_format_from_name(name)) return *format;
  return unsupported(json, key, quote(name), "\"int8\" and \"int4\" are");
}

Result<std::int64_t> group_size(const JsonObject& json, std::string_view key) {
  PARAPET_ASSIGN(const std::int64_t size, json.integer(key));
  if (is_group_size(size)) return size;
  return unsupported(json, key, std::to_string(size), group_size_list() + " is");
}

// Checkpoints from before there were dense layers do not have the field.
Result<std::int64_t> dense_layers(const JsonObject& json, std::int64_t num_layers) {
  constexpr std::string_view kKey = "dense_layers";
  PARAPET_ASSIGN(const std::int64_t layers, json.integer_or(kKey, 0));
  if (layers >= 0 && layers < num_layers) return layers;
  return json.error(ErrorCode::kCorrupt, kKey,
                    std::to_string(layers) + "; must be from 0 to " +
                        std::to_string(num_layers - 1) + ", below num_hidden_layers");
}

Result<QuantizationScheme> parse_parapet(const JsonObject& json, std::int64_t num_layers) {
  PARAPET_ASSIGN(const std::int64_t version, json.integer("version"));
  if (version != kVersion) {
    return unsupported(json, "version", std::to_string(version),
                       "1 is; quantize the checkpoint again");
  }
  PARAPET_ASSIGN(const std::string_view layout, json.string("layout"));
  if (layout != kLayout) return unsupported(json, "layout", quote(layout), "\"panel16\" is");
  QuantizationScheme scheme;
  PARAPET_ASSIGN(scheme.format, weight_format(json, "format"));
  PARAPET_ASSIGN(scheme.group_size, group_size(json, "group_size"));
  PARAPET_ASSIGN(scheme.head_format, weight_format(json, "head_format"));
  PARAPET_ASSIGN(scheme.head_group_size, group_size(json, "head_group_size"));
  PARAPET_ASSIGN(scheme.dense_layers, dense_layers(json, num_layers));
  // As dense_layers: older checkpoints have none.
  PARAPET_ASSIGN(scheme.input_factors, json.boolean_or("input_factors", false));
  return scheme;
}

// A field that must be null, absent, false or {}.
Status check_off(const JsonObject& json, std::string_view key) {
  const auto element = json.find(key);
  bool set = true;
  if (!element || (element->get(set) == simdjson::SUCCESS && !set)) return {};
  JsonObject::Fields fields;
  if (element->get(fields) == simdjson::SUCCESS && fields.size() == 0) return {};
  return json.error(ErrorCode::kUnsupported, key, "is not supported; only null is");
}

// Older savers write down that nothing is sparse.
Status check_not_sparse(const JsonObject& json) {
  constexpr std::string_view kKey = "sparsity_config";
  const auto element = json.find(kKey);
  JsonObject::Fields fields;
  std::string_view format;
  if (element && element->get(fields) == simdjson::SUCCESS &&
      fields.at_key("format").get(format) == simdjson::SUCCESS && format == "dense") {
    return {};
  }
  return check_off(json, kKey);
}

// What the kernels do with activations anyway: int8, scaled as they come.
Status check_activations(const JsonObject& group) {
  constexpr std::string_view kKey = "input_activations";
  PARAPET_TRY(check_off(group, "output_activations"));
  if (!group.find(kKey)) return {};
  PARAPET_ASSIGN(const JsonObject json, group.object(kKey));
  PARAPET_ASSIGN(const std::string_view type, json.string_or("type", "int"));
  PARAPET_ASSIGN(const std::int64_t bits, json.integer_or("num_bits", 8));
  if (type != "int" || bits != 8) {
    return unsupported(json, "num_bits", std::to_string(bits) + " of type " + quote(type),
                       "8 of type \"int\" is");
  }
  bool dynamic = false;
  const auto element = json.find("dynamic");
  if (element && element->get(dynamic) == simdjson::SUCCESS && dynamic) return {};
  return json.error(ErrorCode::kUnsupported, "dynamic",
                    "static activation scales are not supported; only true is");
}

// Weights reordered in memory only ("weight", "static") are stored in their own order again.
Status check_order(const JsonObject& weights) {
  constexpr std::string_view kKey = "actorder";
  const auto element = weights.find(kKey);
  std::string_view order;
  if (element && element->get(order) == simdjson::SUCCESS) {
    if (order == "weight" || order == "static") return {};
    return unsupported(weights, kKey, quote(order), "null, \"weight\" and \"static\" are");
  }
  return check_off(weights, kKey);
}

// Inputs that share a scale, 0 for all. Without a strategy the group size tells it, as there.
Result<std::int64_t> scale_group(const JsonObject& weights) {
  PARAPET_ASSIGN(const std::int64_t size, weights.integer_or("group_size", 0));
  const char* const implied = size > 0 ? "group" : size == -1 ? "channel" : "tensor";
  PARAPET_ASSIGN(const std::string_view strategy, weights.string_or("strategy", implied));
  if (strategy == "channel") return 0;
  if (strategy != "group") {
    return unsupported(weights, "strategy", quote(strategy), "\"group\" and \"channel\" are");
  }
  if (size > 0 && CompressedTensorsScheme{.group_size = size}.packed_group_size() != 0) return size;
  return unsupported(weights, "group_size", std::to_string(size), "multiples of 32 are");
}

Result<CompressedTensorsScheme> parse_weights(const JsonObject& weights, bool packed) {
  CompressedTensorsScheme scheme{.packed = packed};
  PARAPET_ASSIGN(const std::string_view type, weights.string_or("type", "int"));
  if (type != "int") return unsupported(weights, "type", quote(type), "\"int\" is");
  PARAPET_ASSIGN(const std::int64_t bits, weights.integer_or("num_bits", 8));
  if (bits != 8 && (bits != 4 || !packed)) {
    return unsupported(weights, "num_bits", std::to_string(bits), packed ? "4 and 8 are" : "8 is");
  }
  scheme.format = bits == 8 ? WeightFormat::kInt8 : WeightFormat::kInt4;
  PARAPET_ASSIGN(const bool symmetric, weights.boolean_or("symmetric", true));
  if (!symmetric) {
    return weights.error(ErrorCode::kUnsupported, "symmetric",
                         "false: zero points are not supported; only true is");
  }
  PARAPET_TRY(check_off(weights, "dynamic"));
  PARAPET_TRY(check_off(weights, "block_structure"));
  PARAPET_TRY(check_order(weights));
  PARAPET_ASSIGN(scheme.group_size, scale_group(weights));
  return scheme;
}

bool are_same(const CompressedTensorsScheme& a, const CompressedTensorsScheme& b) {
  return a.format == b.format && a.group_size == b.group_size;
}

// Which matrices are quantized is not read here (`targets`, `ignore`): the files show it.
Result<CompressedTensorsScheme> parse_compressed_tensors(const JsonObject& json) {
  PARAPET_ASSIGN(const std::string_view format, json.string("format"));
  const bool packed = format == "pack-quantized";
  if (!packed && format != "int-quantized") {
    return unsupported(json, "format", quote(format),
                       "\"pack-quantized\" and \"int-quantized\" are");
  }
  PARAPET_TRY(check_off(json, "kv_cache_scheme"));
  PARAPET_TRY(check_off(json, "transform_config"));
  PARAPET_TRY(check_not_sparse(json));
  PARAPET_ASSIGN(const JsonObject groups, json.object("config_groups"));
  std::optional<CompressedTensorsScheme> scheme;
  for (const auto& field : groups.fields()) {
    const std::string where = groups.where() + ": " + quote(field.key);
    PARAPET_ASSIGN(const JsonObject group, JsonObject::open(where, field.value));
    PARAPET_ASSIGN(const std::string_view own, group.string_or("format", format));
    if (own != format) return unsupported(group, "format", quote(own), quote(format) + " is here");
    PARAPET_TRY(check_activations(group));
    PARAPET_ASSIGN(const JsonObject weights, group.object("weights"));
    PARAPET_ASSIGN(const CompressedTensorsScheme parsed, parse_weights(weights, packed));
    if (scheme && !are_same(*scheme, parsed)) {
      return group.error(ErrorCode::kUnsupported, "weights",
                         "differ from those of another group; all must be quantized alike");
    }
    scheme = parsed;
  }
  if (scheme) return *scheme;
  return json.error(ErrorCode::kCorrupt, "config_groups", "is empty; expected a group of weights");
}

}  // namespace

Status read_quantization(const JsonObject& json, ModelConfig& config) {
  constexpr std::string_view kKey = "quantization_config";
  if (!json.find(kKey)) return {};
  PARAPET_ASSIGN(const JsonObject quantization, json.object(kKey));
  PARAPET_ASSIGN(const std::string_view method, quantization.string("quant_method"));
  if (method == "parapet") {
    PARAPET_ASSIGN(config.quantization, parse_parapet(quantization, config.num_hidden_layers));
    return {};
  }
  if (method == "compressed-tensors") {
    PARAPET_ASSIGN(config.compressed_tensors, parse_compressed_tensors(quantization));
    return {};
  }
  return unsupported(quantization, "quant_method", quote(method),
                     "\"parapet\" and \"compressed-tensors\" are; or use the unquantized "
                     "checkpoint and --quantization");
}

}  // namespace parapet
