// POST /v1/moderations: OpenAI's form of a guard's verdict.
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "server/openai/messages.h"
#include "server/openai/routes.h"
#include "server/service/answers.h"
#include "server/verdicts/judging.h"
#include "server/verdicts/verdict_json.h"

namespace parapet::server {
namespace {

// The categories as Qwen3Guard names them, and OpenAI's that mean the same or contain it.
struct CategoryMapping {
  std::string_view name;
  std::array<std::string_view, 2> openai;  // empty: OpenAI has none
};
constexpr std::array<CategoryMapping, 9> kCategories = {{
    {"Violent", {"violence"}},
    {"Non-violent Illegal Acts", {"illicit"}},
    {"Sexual Content or Sexual Acts", {"sexual"}},
    {"PII", {}},
    {"Suicide & Self-Harm", {"self-harm"}},
    {"Unethical Acts", {"hate", "harassment"}},
    {"Politically Sensitive Topics", {}},
    {"Copyright Violation", {}},
    {"Jailbreak", {}},
}};
// OpenAI's finer categories, which the model does not tell apart: always false, with a score of 0.
constexpr std::array<std::string_view, 7> kNotTold = {
    "harassment/threatening", "hate/threatening", "illicit/violent", "self-harm/intent",
    "self-harm/instructions", "sexual/minors",    "violence/graphic"};

struct ModerationRequest {
  std::string model;
  std::vector<std::variant<Conversation, ApiError>> items;
  Policy policy = Policy::kStrict;
  Deadline deadline;
  std::int64_t deadline_ms = 0;
};

bool is_message(const Json& json) { return json.is_object() && json.contains("role"); }

// A string; strings; parts of one text; the messages of one conversation, or a list of such lists.
void read_input(Fields& fields, const ServerOptions& options, ModerationRequest& request) {
  constexpr const char* kWhat =
      "input must be a string, a list of strings, a list of text parts, or a list of messages";
  const Json* input = fields.find("input");
  if (input == nullptr) return fields.fail("input", kWhat);
  const auto add_text = [&](std::string text) {
    request.items.emplace_back(Conversation{{"user", std::move(text)}});
  };
  const auto add_messages = [&](const Json& list, const std::string& path) {
    std::optional<ApiError> error;
    auto conversation = read_message_list(list, path, options.max_messages, error);
    if (error) return fields.fail(*error);
    request.items.emplace_back(std::move(conversation));
  };
  if (input->is_string()) return add_text(input->get<std::string>());
  if (!input->is_array() || input->empty()) return fields.fail("input", kWhat);
  if (is_message(input->front())) return add_messages(*input, "input");
  if (input->front().is_object()) {
    auto text = read_content(*input);
    if (!text)
      return fields.fail("input", "input's parts must all be of text: others are not read");
    return add_text(std::move(*text));
  }
  if (static_cast<std::int64_t>(input->size()) > options.max_batch) {
    return fields.fail("input",
                       "input must be a list of at most " + std::to_string(options.max_batch));
  }
  for (std::size_t i = 0; i < input->size(); ++i) {
    const Json& each = (*input)[i];
    if (each.is_string()) {
      add_text(each.get<std::string>());
    } else if (each.is_array()) {
      add_messages(each, "input[" + std::to_string(i) + "]");
    } else {
      return fields.fail("input", kWhat);
    }
  }
}

std::variant<ModerationRequest, ApiError> read_moderation(const Service& service, const Json& body,
                                                          const Request& http) {
  ModerationRequest request;
  request.policy = service.options.policy;
  Fields fields(body);
  fields.read("model", request.model);
  // OpenAI's clients name its own models; there is one here, whatever it is called.
  if (!request.model.starts_with("omni-moderation") &&
      !request.model.starts_with("text-moderation")) {
    if (auto error = service.check_model(request.model)) return *error;
  }
  read_input(fields, service.options, request);
  read_policy(fields, request.policy);
  fields.read("deadline_ms", request.deadline_ms, 1, std::numeric_limits<std::int64_t>::max());
  if (fields.error()) return *fields.error();
  auto deadline = deadline_of(service, http, request.deadline_ms);
  if (const auto* error = std::get_if<ApiError>(&deadline)) return *error;
  request.deadline = std::get<Deadline>(deadline);
  return request;
}

// A named category scores what the model believed of Controversial and Unsafe together; another one
// the share of it that the model gave to naming this one first.
double score_of(const Judged& judged, std::string_view category, bool named) {
  if (!judged.verdict || !judged.verdict->probabilities) return named ? 1.0 : 0.0;
  const double not_safe =
      judged.verdict->probabilities->controversial + judged.verdict->probabilities->unsafe;
  if (named) return not_safe;
  const auto& all = judged.verdict->category_probabilities;
  const auto found = std::ranges::find(all, category, &CategoryProbability::name);
  return found == all.end() ? 0.0 : not_safe * found->probability;
}

struct Category {
  std::string_view name;
  bool named = false;
  double score = 0;
};

// Under the model's names, each followed by OpenAI's for it.
std::vector<Category> categories_of(const Judged& judged) {
  std::vector<Category> all;
  for (const CategoryMapping& category : kCategories) {
    const bool named =
        judged.verdict && std::ranges::find(judged.verdict->categories, category.name) !=
                              judged.verdict->categories.end();
    const double score = score_of(judged, category.name, named);
    all.push_back({category.name, named, score});
    for (const std::string_view openai : category.openai) {
      if (!openai.empty()) all.push_back({openai, named, score});
    }
  }
  for (const std::string_view name : kNotTold) all.push_back({name});
  return all;
}

void write_result(JsonWriter& json, const Judged& judged, Policy policy) {
  const std::vector<Category> categories = categories_of(judged);
  const auto write_each = [&](std::string_view name, const auto& write) {
    json.key(name);
    json.begin_object();
    for (const Category& category : categories) {
      json.key(category.name);
      write(category);
    }
    json.end_object();
  };
  json.begin_object();
  json.field("flagged", is_blocked(judged, policy));
  write_each("categories", [&](const Category& category) { json.value(category.named); });
  write_each("category_scores", [&](const Category& category) { json.value(category.score); });
  write_each("category_applied_input_types", [&](const Category&) { json.json(R"(["text"])"); });
  json.key("severity");
  write_severity(json, judged);
  json.key("severity_scores");
  write_probabilities(json, judged);
  json.key("refusal");
  write_refusal(json, judged);
  json.key("error");
  write_error(json, judged);
  json.end_object();
}

}  // namespace

void answer_moderations(Service& service, const std::shared_ptr<Exchange>& exchange) {
  auto asked = read_or_answer<ModerationRequest>(*exchange, [&](const Json& body) {
    return read_moderation(service, body, exchange->request());
  });
  if (!asked) return;
  ModerationRequest& request = *asked;
  JudgeJob job;
  job.id = verdicts_id(exchange->request());
  job.items = std::move(request.items);
  job.deadline = request.deadline;
  job.on_failed = [exchange](const ApiError& error) { answer_error(*exchange, error); };
  job.on_done = [&service, exchange, policy = request.policy](const std::vector<Judged>& judged) {
    JsonWriter json;
    json.begin_object();
    json.field("id", "modr-" + exchange->request().id);
    json.field("model", service.model_name());
    json.key("results");
    json.begin_array();
    for (const Judged& each : judged) {
      // Clients of OpenAI's look for no error in a result.
      if (each.error && !each.verdict && each.label != kUnavailable) {
        return answer_error(*exchange, *each.error);
      }
      write_result(json, each, policy);
    }
    json.end_array();
    json.end_object();
    answer_json(*exchange, std::move(json));
  };
  judge(service, exchange, std::move(job));
}

}  // namespace parapet::server
