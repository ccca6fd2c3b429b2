// POST /v1/chat/completions
#include <algorithm>
#include <optional>
#include <utility>

#include "server/http/request_id.h"
#include "server/openai/generation.h"
#include "server/openai/logprobs.h"
#include "server/openai/messages.h"
#include "server/openai/routes.h"
#include "server/openai/sampling_fields.h"
#include "server/service/answers.h"

namespace parapet::server {
namespace {

struct ChatRequest {
  std::string model;
  Conversation messages;
  SamplingParams params;
  StreamOptions stream;
  Deadline deadline;
  std::int64_t deadline_ms = 0;
  std::int64_t top_logprobs = 0;
  bool logprobs = false;
  std::string request_id;
  bool add_generation_prompt = true;
  bool return_token_ids = false;
  bool tokens_as_ids = false;
  Json template_variables = Json::object();
  std::optional<std::int64_t> max_tokens;
  Truncation truncation;
  // The prompt.
  std::vector<TokenId> ids;
};

void read_chat_logprobs(Fields& fields, const ServerOptions& options, ChatRequest& request) {
  fields.read("logprobs", request.logprobs);
  std::optional<std::int64_t> top;
  read_top(fields, options, "top_logprobs", top);
  request.top_logprobs = top.value_or(0);
  if (request.top_logprobs != 0 && !request.logprobs) {
    fields.fail("top_logprobs", "top_logprobs needs logprobs to be true");
  }
  if (request.logprobs) top = request.top_logprobs;
  read_logprob_token_ids(fields, request.logprobs ? top : std::nullopt, request.params);
}

void refuse_chat_extras(Fields& fields) {
  fields.refuse("echo", "the answer is the model's own; /v1/completions has it");
  fields.refuse("chat_template", "the server's own template is the guard's policy");
  fields.refuse("documents", "the conversation is all that the template reads");
  fields.refuse("continue_final_message", "write the prompt with /v1/completions instead");
}

std::variant<ChatRequest, ApiError> read_chat(const Service& service, const Json& body,
                                              const Request& http) {
  ChatRequest request;
  Fields fields(body);
  fields.read("model", request.model);
  if (auto error = service.check_model(request.model)) return *error;
  request.messages = read_messages(fields, "messages", service.options.max_messages);
  read_sampling(fields, service.options, request.params);
  read_chat_logprobs(fields, service.options, request);
  refuse_chat_extras(fields);
  request.stream = read_stream_options(fields, request.params);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  fields.read("max_tokens", request.max_tokens, 0, kMost);
  fields.read("max_completion_tokens", request.max_tokens, 0, kMost);
  request.truncation = read_truncation(fields);
  request.request_id = read_request_id(fields);
  fields.read("add_generation_prompt", request.add_generation_prompt);
  fields.read("return_token_ids", request.return_token_ids);
  fields.read("return_tokens_as_token_ids", request.tokens_as_ids);
  fields.read("deadline_ms", request.deadline_ms, 1, kMost);
  request.template_variables = service.chat_template_kwargs;
  if (const Json* kwargs = fields.find("chat_template_kwargs")) {
    if (!kwargs->is_object()) {
      fields.fail("chat_template_kwargs", "chat_template_kwargs must be an object");
    } else {
      request.template_variables.update(*kwargs);
    }
  }
  if (fields.error()) return *fields.error();
  auto deadline = deadline_of(service, http, request.deadline_ms);
  if (const auto* error = std::get_if<ApiError>(&deadline)) return *error;
  request.deadline = std::get<Deadline>(deadline);
  return request;
}

// Renders the prompt, and finds the longest answer where none was asked for: all that fits.
std::optional<ApiError> prepare(const Service& service, ChatRequest& request) {
  Json variables = request.template_variables;
  variables["messages"] = messages_json(request.messages);
  auto rendered = service.llm.tokenizer().render_json(
      to_text(variables), service.options.template_tokens, request.add_generation_prompt);
  if (!rendered) return api_error(rendered.error());
  request.ids = std::move(rendered->ids);
  request.truncation.apply(request.ids);
  const std::int64_t room = service.info.max_model_len - std::ssize(request.ids);
  request.params.max_tokens = request.max_tokens.value_or(std::max<std::int64_t>(room, 1));
  return std::nullopt;
}

// One chat under way, and the forms of its answers.
class Chat {
 public:
  Chat(Service& service, std::shared_ptr<Exchange> exchange, ChatRequest request)
      : service_(service),
        exchange_(std::move(exchange)),
        request_(std::move(request)),
        names_{service.llm.tokenizer(), request_.tokens_as_ids},
        id_(answer_id("chatcmpl-", exchange_->request(), request_.request_id)),
        created_(unix_seconds()),
        events_(*exchange_, service.options, request_.stream,
                static_cast<std::size_t>(std::max<std::int64_t>(1, request_.params.n))) {}

  static void start(const std::shared_ptr<Chat>& self) {
    GenerationJob job;
    job.prompts = {self->request_.ids};
    job.params = self->request_.params;
    job.deadline = self->request_.deadline;
    if (self->request_.stream.stream) {
      job.on_delta = [self](std::size_t, const OutputDelta& delta) { self->stream_delta(delta); };
    }
    job.on_done = [self](const std::vector<RequestOutput>& outputs) {
      self->finish(outputs.front());
    };
    job.on_failed = [self](const ApiError& error) { self->events_.fail(error); };
    generate(self->service_, self->exchange_, std::move(job));
  }

 private:
  void finish(const RequestOutput& output) {
    if (request_.stream.stream) return finish_stream(output);
    answer_json(*exchange_, whole(output));
  }

  Json whole(const RequestOutput& output) const {
    Json choices = Json::array();
    for (std::size_t i = 0; i < output.outputs.size(); ++i) {
      const CompletionOutput& each = output.outputs[i];
      Json choice = {{"index", i},
                     {"message",
                      {{"role", service_.options.response_role},
                       {"content", each.text},
                       {"refusal", nullptr},
                       {"tool_calls", Json::array()}}},
                     {"logprobs", logprobs(each.logprobs, each.token_logprobs)},
                     {"finish_reason", each.finish_reason},
                     {"stop_reason", stop_reason(each, request_.params)}};
      if (request_.return_token_ids) choice["token_ids"] = each.token_ids;
      choices.push_back(std::move(choice));
    }
    Json json = head("chat.completion");
    json["choices"] = std::move(choices);
    json["usage"] = usage_json(output.usage, service_.options);
    json["prompt_logprobs"] = nullptr;
    if (request_.params.prompt_logprobs) {
      json["prompt_logprobs"] = prompt_logprobs_json(output.prompt_logprobs, names_);
    }
    if (request_.return_token_ids) json["prompt_token_ids"] = output.prompt_token_ids;
    return json;
  }

  Json head(const char* object) const {
    return {
        {"id", id_}, {"object", object}, {"created", created_}, {"model", service_.model_name()}};
  }

  Json logprobs(const std::vector<std::vector<Logprob>>& positions,
                const std::vector<std::vector<float>>& by_id) const {
    if (!request_.logprobs) return nullptr;
    const auto& ids = request_.params.logprob_token_ids;
    if (ids.empty()) return chat_logprobs(positions, request_.top_logprobs, names_);
    return chat_logprobs(with_token_ids(positions, by_id, ids), /*top=*/-1, names_);
  }

  void send_chunk(std::int64_t index, Json delta, const Json& more = Json::object()) {
    const auto answer = static_cast<std::size_t>(index);
    Json choice = {{"index", index},
                   {"delta", std::move(delta)},
                   {"logprobs", nullptr},
                   {"finish_reason", nullptr}};
    choice.update(more);
    Json chunk = head("chat.completion.chunk");
    if (!events_.told(answer).begun && request_.return_token_ids) {
      chunk["prompt_token_ids"] = request_.ids;
    }
    events_.send(std::move(chunk), answer, std::move(choice), std::ssize(request_.ids));
  }

  void tell_role(std::int64_t index) {
    if (events_.told(static_cast<std::size_t>(index)).begun) return;
    send_chunk(index, {{"role", service_.options.response_role}, {"content", ""}});
  }

  void stream_delta(const OutputDelta& delta) {
    tell_role(delta.index);
    events_.count(static_cast<std::size_t>(delta.index), delta);
    if (delta.text.empty() && !request_.return_token_ids && !request_.logprobs) return;
    Json more = {{"logprobs", logprobs(delta.logprobs, delta.token_logprobs)}};
    if (request_.return_token_ids) more["token_ids"] = delta.token_ids;
    send_chunk(delta.index, {{"content", delta.text}}, more);
  }

  // The last piece of an answer says why it ended; an end token's logprobs come with it.
  void finish_answer(std::int64_t index, const RequestOutput& output) {
    tell_role(index);
    const CompletionOutput& each = output.outputs[static_cast<std::size_t>(index)];
    const OutputDelta rest = events_.rest(static_cast<std::size_t>(index), output, each);
    Json more = {{"finish_reason", each.finish_reason},
                 {"stop_reason", stop_reason(each, request_.params)}};
    if (!rest.logprobs.empty()) more["logprobs"] = logprobs(rest.logprobs, rest.token_logprobs);
    send_chunk(index, Json::object(), more);
  }

  void finish_stream(const RequestOutput& output) {
    for (std::int64_t i = 0; i < std::ssize(output.outputs); ++i) finish_answer(i, output);
    events_.finish(head("chat.completion.chunk"), output.usage);
  }

  Service& service_;
  std::shared_ptr<Exchange> exchange_;
  ChatRequest request_;
  TokenNames names_;
  std::string id_;
  std::int64_t created_;
  AnswerEvents events_;
};

}  // namespace

void answer_chat(Service& service, const std::shared_ptr<Exchange>& exchange) {
  auto asked = read_or_answer<ChatRequest>(
      *exchange, [&](const Json& body) { return read_chat(service, body, exchange->request()); });
  if (!asked) return;
  if (const auto error = prepare(service, *asked)) return answer_error(*exchange, *error);
  Chat::start(std::make_shared<Chat>(service, exchange, std::move(*asked)));
}

}  // namespace parapet::server
