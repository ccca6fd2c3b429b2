// POST /v1/verdicts
#include <utility>

#include "server/openai/messages.h"
#include "server/service/answers.h"
#include "server/verdicts/routes.h"
#include "server/verdicts/verdict_json.h"

namespace parapet::server {
namespace {

struct VerdictsRequest {
  std::string model;
  std::vector<std::variant<Conversation, ApiError>> items;
  Policy policy = Policy::kStrict;
  JudgeOptions options;
  Deadline deadline;
  std::int64_t deadline_ms = 0;
  bool include_tokens = false;
};

// {"messages": [...]}, or {"prompt": "..."} with or without "response".
Conversation read_conversation(Fields& fields, std::int64_t most_messages) {
  if (fields.find("messages") != nullptr) return read_messages(fields, "messages", most_messages);
  Conversation conversation = {{"user", ""}};
  std::string response;
  if (fields.find("prompt") == nullptr) {
    fields.fail("messages", "give messages (a list), or prompt (a string) and perhaps response");
  }
  fields.read("prompt", conversation.front().content);
  fields.read("response", response);
  if (fields.find("response") != nullptr) conversation.push_back({"assistant", response});
  return conversation;
}

// One of "conversations": a string, a list of messages, or an object as above.
std::variant<Conversation, ApiError> read_item(const Json& item, const std::string& path,
                                               std::int64_t most_messages) {
  if (item.is_string()) return Conversation{{"user", item.get<std::string>()}};
  std::optional<ApiError> error;
  Conversation conversation;
  if (item.is_array()) {
    conversation = read_message_list(item, path, most_messages, error);
  } else {
    Fields fields(item, path + ".");
    conversation = read_conversation(fields, most_messages);
    error = fields.error();
  }
  if (error) return *error;
  return conversation;
}

void read_items(Fields& fields, const ServerOptions& options, VerdictsRequest& request) {
  const Json* list = fields.find("conversations");
  if (list == nullptr) {
    request.items.emplace_back(read_conversation(fields, options.max_messages));
    return;
  }
  if (!list->is_array() || list->empty() ||
      static_cast<std::int64_t>(list->size()) > options.max_batch) {
    return fields.fail("conversations",
                       "conversations must be a list of 1 to " + std::to_string(options.max_batch));
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    request.items.push_back(
        read_item((*list)[i], "conversations[" + std::to_string(i) + "]", options.max_messages));
  }
}

std::variant<VerdictsRequest, ApiError> read_verdicts(const Service& service, const Json& body,
                                                      const Request& http) {
  VerdictsRequest request;
  request.policy = service.options.policy;
  Fields fields(body);
  fields.read("model", request.model);
  if (auto error = service.check_model(request.model)) return *error;
  read_items(fields, service.options, request);
  read_policy(fields, request.policy);
  fields.read("stop_after_label", request.options.stop_after_label);
  fields.read("use_windows", request.options.use_windows);
  fields.read("cache_salt", request.options.cache_salt);
  fields.read("priority", request.options.priority);
  if (request.options.priority != 0 && !service.options.priority_scheduling) {
    fields.fail("priority",
                "priority needs a server that was started with --scheduling-policy priority");
  }
  fields.read("include_tokens", request.include_tokens);
  fields.read("deadline_ms", request.deadline_ms, 1, std::numeric_limits<std::int64_t>::max());
  if (fields.error()) return *fields.error();
  auto deadline = deadline_of(service, http, request.deadline_ms);
  if (const auto* error = std::get_if<ApiError>(&deadline)) return *error;
  request.deadline = std::get<Deadline>(deadline);
  return request;
}

// The prompt's tokens, of which the first usage.cached_tokens came from the cache. Null where it
// was judged in windows, or not at all.
void write_tokens(JsonWriter& json, const ChatTokenizer& tokenizer,
                  const std::variant<Conversation, ApiError>& item, const Judged& judged) {
  const auto* conversation = std::get_if<Conversation>(&item);
  const bool is_whole = judged.verdict && judged.verdict->num_windows == 1;
  if (conversation == nullptr || !is_whole) return json.value(nullptr);
  const auto rendered = tokenizer.render(*conversation);
  if (!rendered) return json.value(nullptr);
  json.begin_array();
  for (const TokenId id : rendered->ids) {
    json.begin_object();
    json.field("id", id);
    json.field("text", tokenizer.decode({id}));
    json.end_object();
  }
  json.end_array();
}

TokenUsage sum_of_usage(const std::vector<Judged>& judged) {
  TokenUsage sum;
  for (const Judged& each : judged) {
    if (!each.verdict) continue;
    sum.prompt_tokens += each.verdict->usage.prompt_tokens;
    sum.cached_tokens += each.verdict->usage.cached_tokens;
    sum.completion_tokens += each.verdict->usage.completion_tokens;
  }
  return sum;
}

JsonWriter answer_of(const Service& service, const VerdictsRequest& request, const std::string& id,
                     const std::vector<Judged>& judged) {
  JsonWriter json;
  json.begin_object();
  json.field("id", id);
  json.field("object", "verdicts");
  json.field("created", unix_seconds());
  json.field("model", service.model_name());
  json.field("policy", request.policy == Policy::kLoose ? "loose" : "strict");
  json.field("policy_hash", service.policy_hash);
  json.key("verdicts");
  json.begin_array();
  for (std::size_t i = 0; i < judged.size(); ++i) {
    json.begin_object();
    json.field("index", i);
    write_verdict(json, judged[i], request.policy);
    if (request.include_tokens) {
      json.key("tokens");
      write_tokens(json, service.llm.tokenizer(), request.items[i], judged[i]);
    }
    json.end_object();
  }
  json.end_array();
  const TokenUsage usage = sum_of_usage(judged);
  json.key("usage");
  json.begin_object();
  write_usage(json, usage);
  json.field("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.end_object();
  json.end_object();
  return json;
}

}  // namespace

void answer_verdicts(Service& service, const std::shared_ptr<Exchange>& exchange) {
  auto asked = read_or_answer<VerdictsRequest>(*exchange, [&](const Json& body) {
    return read_verdicts(service, body, exchange->request());
  });
  if (!asked) return;
  const auto request = std::make_shared<const VerdictsRequest>(std::move(*asked));
  JudgeJob job;
  job.id = verdicts_id(exchange->request());
  job.items = request->items;
  job.options = request->options;
  job.deadline = request->deadline;
  job.on_failed = [exchange](const ApiError& error) { answer_error(*exchange, error); };
  job.on_done = [&service, exchange, request, id = job.id](const std::vector<Judged>& judged) {
    answer_json(*exchange, answer_of(service, *request, id, judged));
  };
  judge(service, exchange, std::move(job));
}

}  // namespace parapet::server
