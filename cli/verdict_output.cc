#include "verdict_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

const Table& table() {
  static const Table kTable({42, 13, 34, 7, 22, 6, 8});
  return kTable;
}

ordered_json dump_error(ordered_json object, const std::optional<Error>& error) {
  if (error) {
    object["error"] = error->message;
    object["error_code"] = to_string(error->code);
  }
  return object;
}

std::string dump(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "None" : fmt::format("{}", fmt::join(words, ", "));
}

std::string title(const Conversation& conversation) {
  if (conversation.empty()) return "";
  const Message& last = conversation.back();
  return last.role == "assistant" ? "→ " + last.content : last.content;
}

Color color_of(const Verdict& verdict, Policy policy) {
  if (is_blocked(verdict, policy)) return Color::kRed;
  return verdict.safety == Safety::kSafe ? Color::kGreen : Color::kYellow;
}

}  // namespace

std::string verdict_json(const Verdict& verdict) {
  ordered_json object;
  object["safety"] = verdict.safety ? ordered_json(to_string(*verdict.safety)) : nullptr;
  object["categories"] = verdict.categories;
  if (!verdict.refusal) {
    object["refusal"] = nullptr;
  } else {
    object["refusal"] = *verdict.refusal ? "Yes" : "No";
  }
  if (const auto& p = verdict.probabilities) {
    object["probabilities"] = {
        {"Safe", p->safe}, {"Controversial", p->controversial}, {"Unsafe", p->unsafe}};
    object["label_mass"] = p->label_mass;
  } else {
    object["probabilities"] = nullptr;
    object["label_mass"] = nullptr;
  }
  object["category_probabilities"] = nullptr;
  for (const CategoryProbability& category : verdict.category_probabilities) {
    object["category_probabilities"][category.name] = category.probability;
  }
  object["text"] = verdict.text;
  object["passes"] = verdict.num_passes;
  object["windows"] = verdict.num_windows;
  object["context_cut"] = verdict.context_cut;
  object["usage"] = {{"prompt_tokens", verdict.usage.prompt_tokens},
                     {"cached_tokens", verdict.usage.cached_tokens},
                     {"completion_tokens", verdict.usage.completion_tokens}};
  object["timing_ms"] = {{"render", verdict.timing.render_ms},
                         {"prefill", verdict.timing.prefill_ms},
                         {"decode", verdict.timing.decode_ms},
                         {"total", verdict.timing.total_ms}};
  return dump(dump_error(std::move(object), verdict.error));
}

std::string error_json(const Error& error) {
  ordered_json object;
  object["safety"] = nullptr;
  object["categories"] = ordered_json::array();
  for (const char* key : {"refusal", "probabilities", "label_mass", "category_probabilities",
                          "text", "passes", "windows", "context_cut", "usage", "timing_ms"}) {
    object[key] = nullptr;
  }
  return dump(dump_error(std::move(object), error));
}

void print_verdict_head() {
  std::vector<Cell> head;
  for (const char* word :
       {"text", "safety", "categories", "refusal", "P safe/contr./unsafe", "tokens", "ms"}) {
    head.push_back({word, Color::kBold});
  }
  table().print(head);
}

void print_verdict_row(const Conversation& conversation, const Verdict& verdict, Policy policy) {
  const auto& p = verdict.probabilities;
  const std::string probabilities =
      p ? fmt::format("{:.3f} / {:.3f} / {:.3f}", p->safe, p->controversial, p->unsafe) : "";
  const std::string refusal = !verdict.refusal ? "" : (*verdict.refusal ? "Yes" : "No");
  table().print({
      {title(conversation)},
      {verdict.safety ? to_string(*verdict.safety) : "no verdict", color_of(verdict, policy)},
      {verdict.safety ? joined(verdict.categories) : verdict.error->message},
      {refusal},
      {probabilities},
      {std::to_string(verdict.usage.prompt_tokens + verdict.usage.completion_tokens)},
      {fmt::format("{:.1f}", verdict.timing.total_ms)},
  });
}

void print_error_row(const Conversation& conversation, const Error& error) {
  table().print({{title(conversation)}, {"error", Color::kRed}, {error.message}});
}

}  // namespace parapet::cli
