#include "server/verdicts/verdict_json.h"

namespace parapet::server {
namespace {

void add_answer(Json& json, const Verdict& verdict) {
  json["categories"] = verdict.categories;
  if (verdict.refusal) json["refusal"] = *verdict.refusal ? "Yes" : "No";
  if (const auto& p = verdict.probabilities) {
    json["probabilities"] = {
        {"Safe", p->safe}, {"Controversial", p->controversial}, {"Unsafe", p->unsafe}};
    json["label_mass"] = p->label_mass;
  }
  for (const CategoryProbability& category : verdict.category_probabilities) {
    json["category_probabilities"][category.name] = category.probability;
  }
  json["text"] = verdict.text;
  json["passes"] = verdict.num_passes;
  json["windows"] = verdict.num_windows;
  json["context_cut"] = verdict.context_cut;
  json["usage"] = {{"prompt_tokens", verdict.usage.prompt_tokens},
                   {"cached_tokens", verdict.usage.cached_tokens},
                   {"completion_tokens", verdict.usage.completion_tokens}};
  json["timing_ms"] = {{"render", verdict.timing.render_ms},
                       {"prefill", verdict.timing.prefill_ms},
                       {"decode", verdict.timing.decode_ms},
                       {"total", verdict.timing.total_ms}};
}

}  // namespace

Json verdict_json(const Judged& judged, Policy policy) {
  const bool has_label = judged.error == std::nullopt || judged.label == kUnavailable;
  Json json = {{"id", judged.id},
               {"kind", judged.kind == JudgedKind::kResponse ? "response" : "prompt"},
               {"safety", has_label ? Json(judged.label) : Json()},
               {"blocked", is_blocked(judged, policy)},
               {"categories", Json::array()}};
  for (const char* key : {"refusal", "probabilities", "label_mass", "category_probabilities",
                          "text", "passes", "windows", "context_cut", "usage", "timing_ms"}) {
    json[key] = nullptr;
  }
  if (judged.verdict) add_answer(json, *judged.verdict);
  json["latency_ms"] = judged.latency_ms;
  json["error"] = nullptr;
  if (const auto& error = judged.error) {
    json["error"] = {{"status", error->status},
                     {"message", error->message},
                     {"type", error->type},
                     {"param", error->param.empty() ? Json() : Json(error->param)},
                     {"code", error->code.empty() ? Json() : Json(error->code)}};
  }
  return json;
}

void read_policy(Fields& fields, Policy& policy) {
  std::string name;
  fields.read("policy", name);
  if (name.empty()) return;
  if (name != "strict" && name != "loose") {
    return fields.fail("policy", "policy must be \"strict\" or \"loose\"");
  }
  policy = name == "loose" ? Policy::kLoose : Policy::kStrict;
}

}  // namespace parapet::server
