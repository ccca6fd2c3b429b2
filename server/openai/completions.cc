// POST /v1/completions
#include <algorithm>
#include <optional>
#include <utility>

#include "server/openai/generation.h"
#include "server/openai/logprobs.h"
#include "server/openai/routes.h"
#include "server/openai/sampling_fields.h"
#include "server/service/answers.h"

namespace parapet::server {
namespace {

struct CompletionRequest {
  std::string model;
  std::vector<std::vector<TokenId>> prompts;
  SamplingParams params;
  StreamOptions stream;
  Deadline deadline;
  std::int64_t deadline_ms = 0;
  std::optional<std::int64_t> logprobs;
  std::string request_id;
  bool echo = false;
  bool return_token_ids = false;
  bool tokens_as_ids = false;
  Truncation truncation;
};

bool read_ids(const Json& list, std::vector<TokenId>& ids) {
  const Json wrapped = {{"ids", list}};
  Fields fields(wrapped);
  fields.read("ids", ids);
  return !fields.error() && !ids.empty();
}

// A string, a list of strings, a list of token ids, or a list of such lists.
void read_prompts(Fields& fields, const Service& service, CompletionRequest& request) {
  const Json* prompt = fields.find("prompt");
  constexpr const char* kWhat =
      "prompt must be a string, a list of strings, a list of token ids or a list of such lists";
  if (prompt == nullptr) return fields.fail("prompt", kWhat);
  const auto add = [&](const Json& each) {
    if (each.is_string()) {
      request.prompts.push_back(service.llm.tokenizer().encode(each.get_ref<const std::string&>()));
      return true;
    }
    return each.is_array() && read_ids(each, request.prompts.emplace_back());
  };
  const bool many = prompt->is_array() && !prompt->empty() && !prompt->front().is_number();
  if (!many) {
    if (!add(*prompt)) fields.fail("prompt", kWhat);
    return;
  }
  if (static_cast<std::int64_t>(prompt->size()) > service.options.max_batch) {
    return fields.fail("prompt", "prompt must be a list of at most " +
                                     std::to_string(service.options.max_batch) + " prompts");
  }
  for (const Json& each : *prompt) {
    if (!add(each)) return fields.fail("prompt", kWhat);
  }
}

void read_completion_logprobs(Fields& fields, const ServerOptions& options,
                              CompletionRequest& request) {
  SamplingParams& params = request.params;
  read_top(fields, options, "logprobs", request.logprobs);
  read_logprob_token_ids(fields, request.logprobs, params);
  if (request.echo && request.logprobs && !params.prompt_logprobs) {
    params.prompt_logprobs = request.logprobs;
  }
}

std::variant<CompletionRequest, ApiError> read_completion(const Service& service, const Json& body,
                                                          const Request& http) {
  CompletionRequest request;
  Fields fields(body);
  fields.read("model", request.model);
  if (auto error = service.check_model(request.model)) return *error;
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  read_sampling(fields, service.options, request.params);
  request.params.max_tokens = 16;
  fields.read("max_tokens", request.params.max_tokens, 0, kMost);
  fields.read("echo", request.echo);
  request.stream = read_stream_options(fields, request.params);
  read_completion_logprobs(fields, service.options, request);
  fields.read("return_token_ids", request.return_token_ids);
  fields.read("return_tokens_as_token_ids", request.tokens_as_ids);
  request.truncation = read_truncation(fields);
  request.request_id = read_request_id(fields);
  fields.read("deadline_ms", request.deadline_ms, 1, kMost);
  fields.refuse("prompt_embeds", "prompts are text or token ids");
  if (!fields.error()) read_prompts(fields, service, request);
  if (fields.error()) return *fields.error();
  for (auto& ids : request.prompts) request.truncation.apply(ids);
  auto deadline = deadline_of(service, http, request.deadline_ms);
  if (const auto* error = std::get_if<ApiError>(&deadline)) return *error;
  request.deadline = std::get<Deadline>(deadline);
  return request;
}

class Completion {
 public:
  Completion(Service& service, std::shared_ptr<Exchange> exchange, CompletionRequest request)
      : service_(service),
        exchange_(std::move(exchange)),
        request_(std::move(request)),
        names_{service.llm.tokenizer(), request_.tokens_as_ids},
        id_(answer_id("cmpl-", exchange_->request(), request_.request_id)),
        created_(unix_seconds()),
        n_(static_cast<std::size_t>(std::max<std::int64_t>(1, request_.params.n))),
        events_(*exchange_, service.options, request_.stream, request_.prompts.size() * n_) {}

  static void start(const std::shared_ptr<Completion>& self) {
    GenerationJob job;
    job.prompts = self->request_.prompts;
    job.params = self->request_.params;
    job.deadline = self->request_.deadline;
    if (self->request_.stream.stream) {
      job.on_delta = [self](std::size_t prompt, const OutputDelta& delta) {
        self->stream_delta(prompt, delta);
      };
    }
    job.on_done = [self](const std::vector<RequestOutput>& outputs) { self->finish(outputs); };
    job.on_failed = [self](const ApiError& error) { self->events_.fail(error); };
    generate(self->service_, self->exchange_, std::move(job));
  }

 private:
  void finish(const std::vector<RequestOutput>& outputs) {
    if (request_.stream.stream) return finish_stream(outputs);
    Json json = head();
    json["choices"] = Json::array();
    for (std::size_t prompt = 0; prompt < outputs.size(); ++prompt) {
      for (std::size_t i = 0; i < n_; ++i) {
        json["choices"].push_back(choice(prompt * n_ + i, outputs[prompt], i));
      }
    }
    json["usage"] = usage_json(sum(outputs), service_.options);
    answer_json(*exchange_, json);
  }

  Json head() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", service_.model_name()}};
  }

  static TokenUsage sum(const std::vector<RequestOutput>& outputs) {
    TokenUsage usage;
    for (const RequestOutput& output : outputs) {
      usage.prompt_tokens += output.usage.prompt_tokens;
      usage.completion_tokens += output.usage.completion_tokens;
      usage.cached_tokens += output.usage.cached_tokens;
    }
    return usage;
  }

  Json choice(std::size_t index, const RequestOutput& output, std::size_t answer) const {
    const CompletionOutput& each = output.outputs[answer];
    std::int64_t offset = 0;
    Json json = {{"index", index},
                 {"text", request_.echo ? output.prompt + each.text : each.text},
                 {"logprobs",
                  logprobs(each, request_.echo ? &output.prompt_logprobs : nullptr, index, offset)},
                 {"finish_reason", each.finish_reason},
                 {"stop_reason", stop_reason(each, request_.params)},
                 {"prompt_logprobs", nullptr}};
    if (request_.params.prompt_logprobs) {
      json["prompt_logprobs"] = prompt_logprobs_json(output.prompt_logprobs, names_);
    }
    if (request_.return_token_ids) {
      json["token_ids"] = each.token_ids;
      json["prompt_token_ids"] = output.prompt_token_ids;
    }
    return json;
  }

  // Of an answer or a piece of it; before that, of the prompt where it is echoed.
  template <class Answer>
  Json logprobs(const Answer& answer, const std::vector<std::vector<Logprob>>* of_prompt,
                std::size_t index, std::int64_t& offset) const {
    if (!request_.logprobs) return nullptr;
    const std::int64_t top = *request_.logprobs;
    Json all = completion_logprobs({}, {}, top, offset, names_);
    if (of_prompt != nullptr) {
      append_logprobs(all, completion_logprobs(*of_prompt, prompt_of(index), top, offset, names_));
    }
    const auto& ids = request_.params.logprob_token_ids;
    append_logprobs(
        all, ids.empty()
                 ? completion_logprobs(answer.logprobs, {}, top, offset, names_)
                 : completion_logprobs(with_token_ids(answer.logprobs, answer.token_logprobs, ids),
                                       {}, /*top=*/-1, offset, names_));
    return all;
  }

  const std::vector<TokenId>& prompt_of(std::size_t index) const {
    return request_.prompts[index / n_];
  }

  void send_chunk(std::size_t index, std::string text, Json more) {
    const std::vector<TokenId>& prompt = prompt_of(index);
    if (!events_.told(index).begun && request_.return_token_ids) more["prompt_token_ids"] = prompt;
    Json choice = {{"index", index},
                   {"text", std::move(text)},
                   {"logprobs", nullptr},
                   {"finish_reason", nullptr},
                   {"stop_reason", nullptr}};
    choice.update(more);
    events_.send(head(), index, std::move(choice), std::ssize(prompt));
  }

  // A piece of an answer; before its first one, the prompt where it is echoed.
  void stream_piece(std::size_t index, const OutputDelta& piece, Json more) {
    AnswerEvents::Told& told = events_.told(index);
    const bool echo = request_.echo && !told.begun;
    if (request_.logprobs && (echo || !piece.logprobs.empty())) {
      more["logprobs"] =
          logprobs(piece, echo ? &piece.prompt_logprobs : nullptr, index, told.offset);
    }
    const std::string before = echo ? service_.llm.tokenizer().decode(prompt_of(index)) : "";
    send_chunk(index, before + piece.text, std::move(more));
  }

  void stream_delta(std::size_t prompt, const OutputDelta& delta) {
    const std::size_t index = prompt * n_ + static_cast<std::size_t>(delta.index);
    events_.count(index, delta);
    const bool echo = request_.echo && !events_.told(index).begun;
    const bool told = echo || request_.logprobs || request_.return_token_ids;
    if (delta.text.empty() && !told) return;
    Json more = Json::object();
    if (request_.return_token_ids) more["token_ids"] = delta.token_ids;
    stream_piece(index, delta, std::move(more));
  }

  // The last piece of an answer says why it ended; an end token's logprobs come with it.
  void finish_answer(std::size_t index, const RequestOutput& output) {
    const CompletionOutput& each = output.outputs[index % n_];
    stream_piece(index, events_.rest(index, output, each),
                 {{"finish_reason", each.finish_reason},
                  {"stop_reason", stop_reason(each, request_.params)}});
  }

  void finish_stream(const std::vector<RequestOutput>& outputs) {
    for (std::size_t index = 0; index < outputs.size() * n_; ++index) {
      finish_answer(index, outputs[index / n_]);
    }
    events_.finish(head(), sum(outputs));
  }

  Service& service_;
  std::shared_ptr<Exchange> exchange_;
  CompletionRequest request_;
  TokenNames names_;
  std::string id_;
  std::int64_t created_;
  std::size_t n_;  // answers to each prompt
  AnswerEvents events_;
};

}  // namespace

void answer_completions(Service& service, const std::shared_ptr<Exchange>& exchange) {
  auto asked = read_or_answer<CompletionRequest>(*exchange, [&](const Json& body) {
    return read_completion(service, body, exchange->request());
  });
  if (!asked) return;
  Completion::start(std::make_shared<Completion>(service, exchange, std::move(*asked)));
}

}  // namespace parapet::server
