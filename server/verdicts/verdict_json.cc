#include "server/verdicts/verdict_json.h"

#include <array>

namespace parapet::server {
namespace {

// What only an answer of the model says.
constexpr std::array<std::string_view, 10> kOfAnswers = {
    "refusal", "probabilities", "label_mass", "category_probabilities",
    "text",    "passes",        "windows",    "context_cut",
    "usage",   "timing_ms"};

void write_category_probabilities(JsonWriter& json, const Verdict& verdict) {
  if (verdict.category_probabilities.empty()) return json.value(nullptr);
  json.begin_object();
  for (const auto& [name, probability] : verdict.category_probabilities) {
    json.field(name, probability);
  }
  json.end_object();
}

void write_timing(JsonWriter& json, const Timing& timing) {
  json.begin_object();
  json.field("render", timing.render_ms);
  json.field("prefill", timing.prefill_ms);
  json.field("decode", timing.decode_ms);
  json.field("total", timing.total_ms);
  json.end_object();
}

void write_answer(JsonWriter& json, const Judged& judged) {
  const Verdict& verdict = *judged.verdict;
  json.key("refusal");
  write_refusal(json, judged);
  json.key("probabilities");
  write_probabilities(json, judged);
  json.key("label_mass");
  if (const auto& p = verdict.probabilities) {
    json.value(p->label_mass);
  } else {
    json.value(nullptr);
  }
  json.key("category_probabilities");
  write_category_probabilities(json, verdict);
  json.field("text", verdict.text);
  json.field("passes", verdict.num_passes);
  json.field("windows", verdict.num_windows);
  json.field("context_cut", verdict.context_cut);
  json.key("usage");
  json.begin_object();
  write_usage(json, verdict.usage);
  json.end_object();
  json.key("timing_ms");
  write_timing(json, verdict.timing);
}

}  // namespace

void write_severity(JsonWriter& json, const Judged& judged) {
  const bool has_label = !judged.error || judged.label == kUnavailable;
  if (!has_label) return json.value(nullptr);
  json.value(judged.label);
}

void write_probabilities(JsonWriter& json, const Judged& judged) {
  if (!judged.verdict || !judged.verdict->probabilities) return json.value(nullptr);
  const LabelProbabilities& p = *judged.verdict->probabilities;
  json.begin_object();
  json.field("Safe", p.safe);
  json.field("Controversial", p.controversial);
  json.field("Unsafe", p.unsafe);
  json.end_object();
}

void write_refusal(JsonWriter& json, const Judged& judged) {
  if (!judged.verdict || !judged.verdict->refusal) return json.value(nullptr);
  json.value(*judged.verdict->refusal ? "Yes" : "No");
}

void write_error(JsonWriter& json, const Judged& judged) {
  if (!judged.error) return json.value(nullptr);
  const auto or_null = [&](std::string_view name, const std::string& text) {
    json.key(name);
    text.empty() ? json.value(nullptr) : json.value(text);
  };
  json.begin_object();
  json.field("status", judged.error->status);
  json.field("message", judged.error->message);
  json.field("type", judged.error->type);
  or_null("param", judged.error->param);
  or_null("code", judged.error->code);
  json.end_object();
}

void write_usage(JsonWriter& json, const TokenUsage& usage) {
  json.field("prompt_tokens", usage.prompt_tokens);
  json.field("cached_tokens", usage.cached_tokens);
  json.field("completion_tokens", usage.completion_tokens);
}

void write_verdict(JsonWriter& json, const Judged& judged, Policy policy) {
  json.field("id", judged.id);
  json.field("kind", judged.kind == JudgedKind::kResponse ? "response" : "prompt");
  json.key("safety");
  write_severity(json, judged);
  json.field("blocked", is_blocked(judged, policy));
  json.key("categories");
  json.begin_array();
  if (judged.verdict) {
    for (const std::string& category : judged.verdict->categories) json.value(category);
  }
  json.end_array();
  if (judged.verdict) {
    write_answer(json, judged);
  } else {
    for (const std::string_view name : kOfAnswers) json.field(name, nullptr);
  }
  json.field("latency_ms", judged.latency_ms);
  json.key("error");
  write_error(json, judged);
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
