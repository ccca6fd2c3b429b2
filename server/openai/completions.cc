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
  bool echo = false;
  bool return_token_ids = false;
  bool tokens_as_ids = false;
  std::optional<std::int64_t> truncate_prompt_tokens;
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
  fields.read("logprobs", request.logprobs, 0, service.options.max_logprobs);
  fields.read("return_token_ids", request.return_token_ids);
  fields.read("return_tokens_as_token_ids", request.tokens_as_ids);
  fields.read("truncate_prompt_tokens", request.truncate_prompt_tokens, 1, kMost);
  fields.read("deadline_ms", request.deadline_ms, 1, kMost);
  fields.refuse("prompt_embeds", "prompts are text or token ids");
  request.stream = read_stream_options(fields);
  if (request.stream.stream && request.echo && request.logprobs) {
    fields.fail("echo", "echo with logprobs is not streamed: it would come all at once");
  }
  if (!fields.error()) read_prompts(fields, service, request);
  if (fields.error()) return *fields.error();
  request.params.logprobs = request.logprobs;
  if (request.echo && request.logprobs && !request.params.prompt_logprobs) {
    request.params.prompt_logprobs = request.logprobs;
  }
  if (const auto most = request.truncate_prompt_tokens) {
    for (auto& ids : request.prompts) {
      if (*most < std::ssize(ids)) ids.erase(ids.begin(), ids.end() - *most);
    }
  }
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
        id_("cmpl-" + exchange_->request().id),
        created_(unix_seconds()),
        n_(static_cast<std::size_t>(std::max<std::int64_t>(1, request_.params.n))),
        told_bytes_(request_.prompts.size() * n_) {}

  static void start(const std::shared_ptr<Completion>& self) {
    GenerationJob job;
    job.prompts = self->request_.prompts;
    job.params = self->request_.params;
    job.deadline = self->request_.deadline;
    // Logprobs come with the whole answer; so do the pieces of a stream that asks for them.
    if (self->request_.stream.stream && !self->request_.logprobs) {
      job.on_delta = [self](std::size_t prompt, const OutputDelta& delta) {
        self->stream_delta(prompt, delta);
      };
    }
    job.on_done = [self](const std::vector<RequestOutput>& outputs) { self->finish(outputs); };
    job.on_failed = [self](const ApiError& error) { self->fail(error); };
    if (self->request_.stream.stream && self->request_.echo) {
      for (std::size_t i = 0; i < self->request_.prompts.size(); ++i) {
        self->echoes_.push_back(self->service_.llm.tokenizer().decode(self->request_.prompts[i]));
      }
    }
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
                 {"stop_reason", stop_reason(each)},
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
    Json all = completion_logprobs({}, {}, *request_.logprobs, offset, names_);
    if (request_.echo) {
      append_logprobs(all, completion_logprobs(output.prompt_logprobs, output.prompt_token_ids,
                                               *request_.logprobs, offset, names_));
    }
    append_logprobs(all, completion_logprobs(each.logprobs, each.token_ids, *request_.logprobs,
                                             offset, names_));
    return all;
  }

  static Json stop_reason(const CompletionOutput& output) {
    if (output.stop_string) return *output.stop_string;
    return nullptr;
  }

  void send_chunk(std::size_t index, std::string text, Json more = Json::object()) {
    if (!std::exchange(stream_begun_, true)) start_events(*exchange_);
    Json choice = {{"index", index},
                   {"text", std::move(text)},
                   {"logprobs", nullptr},
                   {"finish_reason", nullptr},
                   {"stop_reason", nullptr}};
    choice.update(more);
    Json chunk = head();
    chunk["choices"] = Json::array({std::move(choice)});
    if (request_.stream.continuous_usage) {
      std::int64_t prompt_tokens = 0;
      for (const auto& ids : request_.prompts) prompt_tokens += std::ssize(ids);
      chunk["usage"] = usage_json({prompt_tokens, num_told_tokens_, 0}, service_.options);
    }
    exchange_->send(event(chunk));
  }

  // The prompt, before the first piece of an answer to it.
  std::string echo_before(std::size_t index) {
    if (echoes_.empty() || told_bytes_[index].has_value()) return "";
    return echoes_[index / n_];
  }

  void stream_delta(std::size_t prompt, const OutputDelta& delta) {
    const std::size_t index = prompt * n_ + static_cast<std::size_t>(delta.index);
    num_told_tokens_ += std::ssize(delta.token_ids);
    const std::string before = echo_before(index);
    told_bytes_[index] = told_bytes_[index].value_or(0) + delta.text.size();
    if (before.empty() && delta.text.empty() && !request_.return_token_ids) return;
    Json more = Json::object();
    if (request_.return_token_ids) more["token_ids"] = delta.token_ids;
    send_chunk(index, before + delta.text, std::move(more));
  }

  void finish_stream(const std::vector<RequestOutput>& outputs) {
    num_told_tokens_ = sum(outputs).completion_tokens;
    for (std::size_t index = 0; index < told_bytes_.size(); ++index) {
      const RequestOutput& output = outputs[index / n_];
      const CompletionOutput& each = output.outputs[index % n_];
      const std::string before = echo_before(index);
      send_chunk(index, before + each.text.substr(told_bytes_[index].value_or(0)),
                 {{"logprobs", logprobs(output, each)},
                  {"finish_reason", each.finish_reason},
                  {"stop_reason", stop_reason(each)}});
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
  std::size_t n_;                                       // answers to each prompt
  std::vector<std::optional<std::size_t>> told_bytes_;  // of each answer's text; empty: nothing yet
  std::vector<std::string> echoes_;                     // of each prompt, where they are streamed
  std::int64_t num_told_tokens_ = 0;
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
