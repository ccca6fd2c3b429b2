#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/number_text.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::string_view kEos = "eos_token_id";

Result<std::int32_t> token_id(const JsonObject& json, JsonElement element) {
  std::int64_t id = 0;
  if (element.get(id) != simdjson::SUCCESS) {
    return json.error(
        ErrorCode::kCorrupt, kEos,
        std::string("expected an integer or a list of them, found ") + json_type_name(element));
  }
  if (id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
    return json.error(ErrorCode::kCorrupt, kEos,
                      std::to_string(id) + "; a token id is at least 0 and below 2^31");
  }
  return static_cast<std::int32_t>(id);
}

Result<std::vector<std::int32_t>> eos_token_ids(const JsonObject& json) {
  std::vector<std::int32_t> ids;
  const auto element = json.find(kEos);
  if (!element) return ids;
  JsonArray list;
  if (element->get(list) != simdjson::SUCCESS) {
    PARAPET_ASSIGN(const std::int32_t id, token_id(json, *element));
    return std::vector{id};
  }
  for (const JsonElement entry : list) {
    PARAPET_ASSIGN(const std::int32_t id, token_id(json, entry));
    ids.push_back(id);
  }
  return ids;
}

Result<std::optional<double>> number_in(const JsonObject& json, std::string_view key,
                                        bool (*allowed)(double), const char* range) {
  if (!json.find(key)) return std::optional<double>();
  PARAPET_ASSIGN(const double value, json.number(key));
  if (std::isfinite(value) && allowed(value)) return std::optional(value);
  return json.error(ErrorCode::kCorrupt, key, number_text(value) + "; must be " + range);
}

Result<GenerationConfig> parse_generation_config(const JsonObject& json) {
  GenerationConfig config;
  PARAPET_ASSIGN(config.eos_token_ids, eos_token_ids(json));
  PARAPET_ASSIGN(config.temperature,
                 number_in(
                     json, "temperature", [](double v) { return v >= 0; }, "at least 0"));
  PARAPET_ASSIGN(config.top_p, number_in(
                                   json, "top_p", [](double v) { return v > 0 && v <= 1; },
                                   "above 0 and at most 1"));
  if (json.find("top_k")) {
    PARAPET_ASSIGN(config.top_k, json.integer("top_k"));
    if (*config.top_k < 0) {
      return json.error(ErrorCode::kCorrupt, "top_k",
                        std::to_string(*config.top_k) + "; must be at least 0 (0 is off)");
    }
  }
  if (json.find("do_sample")) {
    PARAPET_ASSIGN(config.do_sample, json.boolean("do_sample"));
  }
  return config;
}

Result<GenerationConfig> read_generation_config(const std::filesystem::path& file) {
  PARAPET_ASSIGN(const std::string text, read_file(file, kMaxConfigBytes));
  return GenerationConfig::parse(file.string(), text);
}

Result<std::vector<std::int32_t>> eos_of_model_config(const std::filesystem::path& file) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::read(file, kMaxConfigBytes));
  PARAPET_ASSIGN(const JsonObject json, document.object());
  return eos_token_ids(json);
}

}  // namespace

Result<GenerationConfig> GenerationConfig::parse(std::string name, std::string_view text) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(std::move(name), text));
  PARAPET_ASSIGN(const JsonObject json, document.object());
  return parse_generation_config(json);
}

Result<GenerationConfig> GenerationConfig::read(const std::filesystem::path& directory) {
  auto config = read_generation_config(directory / "generation_config.json");
  if (!config && config.error().code == ErrorCode::kNotFound) config = GenerationConfig{};
  if (!config || !config->eos_token_ids.empty()) return config;

  PARAPET_ASSIGN(config->eos_token_ids, eos_of_model_config(directory / "config.json"));
  return config;
}

}  // namespace parapet
