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
  params.logprobs = request.logprobs;
  if (!params.logprob_token_ids.empty()) {
    if (!request.logprobs) {
      fields.fail("logprob_token_ids", "logprob_token_ids needs logprobs to be set");
    }
    params.logprobs = 0;  // of the chosen token
  }
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
        told_(request_.prompts.size() * n_) {}

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
    job.on_failed = [self](const ApiError& error) { self->fail(error); };
    generate(self->service_, self->exchange_, std::move(job));
  }

 private:
  struct Told {
    bool begun = false;
    std::int64_t tokens = 0;
    std::size_t logprobs = 0;  // positions
    std::int64_t offset = 0;   // characters
  };

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

  void fail(const ApiError& error) {
    if (!stream_begun_) return answer_error(*exchange_, error);
    exchange_->send("data: " + error_json(error) + "\n\n");
    exchange_->send(kDoneEvent);
    exchange_->finish_stream();
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
    Json json = {{"index", index},
                 {"text", request_.echo ? output.prompt + each.text : each.text},
                 {"logprobs", logprobs(output, each)},
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

  Json logprobs(const RequestOutput& output, const CompletionOutput& each) const {
    if (!request_.logprobs) return nullptr;
    std::int64_t offset = 0;
    Json all = no_logprobs();
    if (request_.echo) {
      append_logprobs(all, completion_logprobs(output.prompt_logprobs, output.prompt_token_ids,
                                               *request_.logprobs, offset, names_));
    }
    append_logprobs(all, answer_logprobs(each.logprobs, each.token_logprobs, offset));
    return all;
  }

  Json no_logprobs() const {
    std::int64_t offset = 0;
    return completion_logprobs({}, {}, 0, offset, names_);
  }

  Json answer_logprobs(const std::vector<std::vector<Logprob>>& positions,
                       const std::vector<std::vector<float>>& by_id, std::int64_t& offset) const {
    const auto& ids = request_.params.logprob_token_ids;
    return completion_logprobs(asked_for(positions, by_id, ids), {},
                               ids.empty() ? *request_.logprobs : std::ssize(ids) + 1, offset,
                               names_);
  }

  void send_chunk(std::size_t index, std::string text, Json more) {
    if (!std::exchange(stream_begun_, true)) start_events(*exchange_);
    const std::vector<TokenId>& prompt = request_.prompts[index / n_];
    Told& told = told_[index];
    if (!std::exchange(told.begun, true) && request_.return_token_ids) {
      more["prompt_token_ids"] = prompt;
    }
    Json choice = {{"index", index},
                   {"text", std::move(text)},
                   {"logprobs", nullptr},
                   {"finish_reason", nullptr},
                   {"stop_reason", nullptr}};
    choice.update(more);
    Json chunk = head();
    chunk["choices"] = Json::array({std::move(choice)});
    if (request_.stream.continuous_usage) {
      chunk["usage"] = usage_json({std::ssize(prompt), told.tokens, 0}, service_.options);
    }
    exchange_->send(event(chunk));
  }

  // What stands before the first piece of an answer: the prompt, and its part of `logprobs`.
  std::string echo_before(std::size_t index, Json& logprobs,
                          const std::vector<std::vector<Logprob>>& prompt_logprobs) {
    if (!request_.echo || told_[index].begun) return "";
    const std::vector<TokenId>& prompt = request_.prompts[index / n_];
    if (request_.logprobs) {
      append_logprobs(logprobs, completion_logprobs(prompt_logprobs, prompt, *request_.logprobs,
                                                    told_[index].offset, names_));
    }
    return service_.llm.tokenizer().decode(prompt);
  }

  void stream_delta(std::size_t prompt, const OutputDelta& delta) {
    const std::size_t index = prompt * n_ + static_cast<std::size_t>(delta.index);
    Told& told = told_[index];
    told.tokens += std::ssize(delta.token_ids);
    Json logprobs = request_.logprobs ? no_logprobs() : Json();
    const std::string before = echo_before(index, logprobs, delta.prompt_logprobs);
    if (request_.logprobs) {
      told.logprobs += delta.logprobs.size();
      append_logprobs(logprobs, answer_logprobs(delta.logprobs, delta.token_logprobs, told.offset));
    } else if (before.empty() && delta.text.empty() && !request_.return_token_ids) {
      return;
    }
    Json more = {{"logprobs", std::move(logprobs)}};
    if (request_.return_token_ids) more["token_ids"] = delta.token_ids;
    send_chunk(index, before + delta.text, std::move(more));
  }

  // The last piece of an answer says why it ended; an end token's logprobs come with it.
  void finish_answer(std::size_t index, const RequestOutput& output) {
    const CompletionOutput& each = output.outputs[index % n_];
    Told& told = told_[index];
    told.tokens = num_tokens(each);
    Json more = {{"finish_reason", each.finish_reason},
                 {"stop_reason", stop_reason(each, request_.params)}};
    Json logprobs = request_.logprobs ? no_logprobs() : Json();
    std::string before = echo_before(index, logprobs, output.prompt_logprobs);
    if (request_.logprobs) {
      append_logprobs(logprobs,
                      answer_logprobs(beyond(told.logprobs, each.logprobs),
                                      beyond(told.logprobs, each.token_logprobs), told.offset));
      if (!logprobs["tokens"].empty()) more["logprobs"] = std::move(logprobs);
    }
    send_chunk(index, std::move(before), std::move(more));
  }

  void finish_stream(const std::vector<RequestOutput>& outputs) {
    for (std::size_t index = 0; index < told_.size(); ++index) {
      finish_answer(index, outputs[index / n_]);
    }
    if (request_.stream.include_usage) {
      Json chunk = head();
      chunk["choices"] = Json::array();
      chunk["usage"] = usage_json(sum(outputs), service_.options);
      exchange_->send(event(chunk));
    }
    exchange_->send(kDoneEvent);
    exchange_->finish_stream();
  }

  Service& service_;
  std::shared_ptr<Exchange> exchange_;
  CompletionRequest request_;
  TokenNames names_;
  std::string id_;
  std::int64_t created_;
  std::size_t n_;           // answers to each prompt
  std::vector<Told> told_;  // of each answer
  bool stream_begun_ = false;
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
