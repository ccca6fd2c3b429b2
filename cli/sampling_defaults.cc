#include "sampling_defaults.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "parapet/model_card.h"

namespace parapet::cli {
namespace {

using nlohmann::json;

Status read_field(const json& config, const char* name, double& value) {
  const auto found = config.find(name);
  if (found == config.end() || found->is_null()) return {};
  if (!found->is_number()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::string(name) + " of the generation config must be a number"};
  }
  value = found->get<double>();
  return {};
}

Status read_config(const json& config, SamplingParams& params) {
  auto top_k = static_cast<double>(params.top_k);
  for (const auto& [name, value] : {std::pair{"temperature", &params.temperature},
                                    {"top_p", &params.top_p},
                                    {"min_p", &params.min_p},
                                    {"repetition_penalty", &params.repetition_penalty},
                                    {"top_k", &top_k}}) {
    if (auto status = read_field(config, name, *value); !status) return status;
  }
  params.top_k = static_cast<std::int64_t>(top_k);
  return {};
}

}  // namespace

Status read_sampling_defaults(const std::filesystem::path& model, const std::string& source,
                              const std::string& overrides, SamplingParams& params) {
  if (source != "vllm") {
    const auto path =
        (source == "auto" ? model : std::filesystem::path(source)) / "generation_config.json";
    std::ifstream file(path);
    if (!file && source != "auto") {
      return Error{ErrorCode::kNotFound, path.string() + " cannot be read"};
    }
    // A broken file of the checkpoint is told by the one who loads it.
    const json config = file ? json::parse(file, nullptr, false) : json::object();
    if (config.is_object() && config.value("do_sample", false)) {
      if (auto status = read_config(config, params); !status) return status;
    }
  }
  if (overrides.empty()) return {};
  const json config = json::parse(overrides, nullptr, false);
  if (!config.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "override-generation-config is no JSON object"};
  }
  return read_config(config, params);
}

Status check_dtype(const std::string& dtype, const std::filesystem::path& model) {
  if (dtype == "auto") return {};
  const std::string asked = dtype == "half" ? "float16" : (dtype == "float" ? "float32" : dtype);
  const auto card = inspect(model);
  if (!card) return card.error();
  if (card->dtype == asked) return {};
  return Error{ErrorCode::kUnsupported, "dtype " + dtype + ": the checkpoint's weights are " +
                                            card->dtype +
                                            " and are served as stored; use --dtype auto"};
}

}  // namespace parapet::cli
