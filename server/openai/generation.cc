#include "server/openai/generation.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "server/http/request_id.h"
#include "server/service/answers.h"

namespace parapet::server {
namespace {

// Gathers the answers to all prompts. Lives until the last has come.
class Gathering : public std::enable_shared_from_this<Gathering> {
 public:
  Gathering(Service& service, std::shared_ptr<Exchange> exchange, GenerationJob job,
            Admission::Ticket ticket)
      : service_(service),
        exchange_(std::move(exchange)),
        job_(std::move(job)),
        ticket_(std::move(ticket)),
        answers_(job_.prompts.size()),
        remaining_(job_.prompts.size()) {}

  void submit() {
    std::vector<RequestHandle> handles;
    for (std::size_t i = 0; i < job_.prompts.size(); ++i) {
      handles.push_back(service_.llm.generate_from_ids_async(
          std::move(job_.prompts[i]), job_.params, delta_callback(i),
          [self = shared_from_this(), i](Result<RequestOutput> output) {
            self->take(i, std::move(output));
          }));
    }
    cancel_when_over(*exchange_, job_.deadline, std::move(handles),
                     [self = shared_from_this()] { self->timed_out_ = true; });
  }

 private:
  OnDelta delta_callback(std::size_t prompt) {
    if (!job_.on_delta) return {};
    return [self = shared_from_this(), prompt](const OutputDelta& delta) {
      self->exchange_->post([self, prompt, delta] { self->job_.on_delta(prompt, delta); });
    };
  }

  // On the engine's thread, or the submitter's.
  void take(std::size_t prompt, Result<RequestOutput> output) {
    service_.broken = !output && output.error().code == ErrorCode::kInternal;
    if (!output && output.error().code == ErrorCode::kCancelled) Admission::give_up(ticket_);
    answers_[prompt] = std::move(output);
    if (remaining_.fetch_sub(1) > 1) return;
    ticket_.reset();
    exchange_->post([self = shared_from_this()] { self->finish(); });
  }

  // The answer does not wait for the books.
  void finish() {
    std::vector<RequestOutput> outputs;
    std::optional<ApiError> error;
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      auto& answer = *answers_[i];
      if (answer) {
        outputs.push_back(std::move(*answer));
        continue;
      }
      if (!error) error = error_of(i, answer.error());
      service_.metrics.count_unanswered(answer.error().code == ErrorCode::kCancelled ? "abort"
                                                                                     : "error");
    }
    if (error) {
      job_.on_failed(*error);
    } else {
      job_.on_done(outputs);
    }
    for (const RequestOutput& output : outputs) count(output);
  }

  ApiError error_of(std::size_t prompt, const Error& error) const {
    if (timed_out_ && error.code == ErrorCode::kCancelled) return deadline_error();
    ApiError told = api_error(error);
    if (answers_.size() > 1) {
      told.param = "prompt[" + std::to_string(prompt) + "]";
      told.message = told.param + ": " + told.message;
    }
    return told;
  }

  void count(const RequestOutput& output) {
    Metrics::Finished finished;
    finished.n = job_.params.n;
    finished.max_tokens = job_.params.max_tokens;
    finished.usage = output.usage;
    finished.timing = output.timing;
    if (!output.outputs.empty()) finished.reason = output.outputs.front().finish_reason;
    for (const CompletionOutput& each : output.outputs) {
      finished.longest = std::max(finished.longest, num_tokens(each));
    }
    service_.metrics.count_request(finished);
  }

  Service& service_;
  std::shared_ptr<Exchange> exchange_;
  GenerationJob job_;
  Admission::Ticket ticket_;
  std::vector<std::optional<Result<RequestOutput>>> answers_;  // each written by one thread, once
  std::atomic<std::size_t> remaining_;
  bool timed_out_ = false;  // of the strand
};

// More log-probabilities than this at a position are counted, over all positions that a request may
// come to: each takes some hundred bytes until it is sent, so that most of one request is half a
// GB.
constexpr std::int64_t kFewLogprobs = 1024;
constexpr std::int64_t kMostLogprobs = std::int64_t{1} << 22;

std::optional<ApiError> check_logprobs(const EngineInfo& info, const GenerationJob& job) {
  const auto count = [&](const std::optional<std::int64_t>& top) {
    const std::int64_t each = top.value_or(0) < 0 ? info.vocab_size : top.value_or(0);
    return each > kFewLogprobs ? each : 0;
  };
  const std::int64_t of_answers = count(job.params.logprobs);
  const std::int64_t of_prompts = count(job.params.prompt_logprobs);
  std::int64_t total = 0;
  for (const auto& prompt : job.prompts) {
    const std::int64_t length = std::ssize(prompt);
    const std::int64_t room = std::max<std::int64_t>(0, info.max_model_len - length);
    const std::int64_t answers =
        std::max<std::int64_t>(1, job.params.n) * std::min(job.params.max_tokens, room);
    total += answers * of_answers + length * of_prompts;
    if (total <= kMostLogprobs) continue;
    return ApiError{.message = "the request may come to more than " +
                               std::to_string(kMostLogprobs) +
                               " log-probabilities; lower logprobs, max_tokens or the number of "
                               "prompts"};
  }
  return std::nullopt;
}

}  // namespace

void generate(Service& service, const std::shared_ptr<Exchange>& exchange, GenerationJob job) {
  const auto count =
      static_cast<std::int64_t>(job.prompts.size()) * std::max<std::int64_t>(1, job.params.n);
  if (count > service.admission.capacity()) {
    return job.on_failed({.message = "the request asks for " + std::to_string(count) +
                                     " answers at once; this server holds at most " +
                                     std::to_string(service.admission.capacity())});
  }
  if (const auto error = check_logprobs(service.info, job)) return job.on_failed(*error);
  auto admitted = admit(service, count, job.deadline);
  if (const auto* refusal = std::get_if<ApiError>(&admitted)) {
    return job.on_failed(*refusal);
  }
  std::make_shared<Gathering>(service, exchange, std::move(job),
                              std::get<Admission::Ticket>(std::move(admitted)))
      ->submit();
}

Json stop_reason(const CompletionOutput& output, const SamplingParams& params) {
  if (output.stop_string) return *output.stop_string;
  if (output.stop_token &&
      std::ranges::find(params.stop_token_ids, *output.stop_token) != params.stop_token_ids.end()) {
    return *output.stop_token;
  }
  return nullptr;
}

// An end token is none of the text, and counts as one all the same.
std::int64_t num_tokens(const CompletionOutput& output) {
  return std::ssize(output.token_ids) + (output.stop_token ? 1 : 0);
}

std::string answer_id(const char* prefix, const Request& http, const std::string& request_id) {
  const bool named = !request_id.empty() && http.header("x-request-id").empty();
  return prefix + (named ? request_id : http.id);
}

std::string read_request_id(Fields& fields) {
  std::string name;
  fields.read("request_id", name);
  if (!name.empty() && request_id(name) != name) {
    fields.fail("request_id", "request_id must be at most 128 letters, digits and any of -_.:");
  }
  return name;
}

Json usage_json(const TokenUsage& usage, const ServerOptions& options) {
  Json json = {{"prompt_tokens", usage.prompt_tokens},
               {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
               {"completion_tokens", usage.completion_tokens}};
  if (options.prompt_tokens_details) {
    json["prompt_tokens_details"] = {{"cached_tokens", usage.cached_tokens}};
  }
  return json;
}

void AnswerEvents::count(std::size_t answer, const OutputDelta& delta) {
  told_[answer].tokens += std::ssize(delta.token_ids);
  told_[answer].logprobs += delta.logprobs.size();
}

OutputDelta AnswerEvents::rest(std::size_t answer, const RequestOutput& request,
                               const CompletionOutput& output) {
  Told& told = told_[answer];
  told.tokens = num_tokens(output);
  OutputDelta rest;
  if (!told.begun) rest.prompt_logprobs = request.prompt_logprobs;
  const auto beyond = [&told](const auto& positions) {
    const auto begin = static_cast<std::ptrdiff_t>(std::min(told.logprobs, positions.size()));
    return std::vector(positions.begin() + begin, positions.end());
  };
  rest.logprobs = beyond(output.logprobs);
  rest.token_logprobs = beyond(output.token_logprobs);
  return rest;
}

void AnswerEvents::send(Json head, std::size_t answer, Json choice,
                        std::int64_t num_prompt_tokens) {
  if (!std::exchange(begun_, true)) start_events(exchange_);
  told_[answer].begun = true;
  head["choices"] = Json::array({std::move(choice)});
  if (stream_.continuous_usage) {
    head["usage"] = usage_json({num_prompt_tokens, told_[answer].tokens, 0}, options_);
  }
  exchange_.send(event(head));
}

void AnswerEvents::finish(Json head, const TokenUsage& usage) {
  if (stream_.include_usage) {
    head["choices"] = Json::array();
    head["usage"] = usage_json(usage, options_);
    exchange_.send(event(head));
  }
  exchange_.send(kDoneEvent);
  exchange_.finish_stream();
}

void AnswerEvents::fail(const ApiError& error) {
  if (!begun_) return answer_error(exchange_, error);
  exchange_.send("data: " + error_json(error) + "\n\n");
  exchange_.send(kDoneEvent);
  exchange_.finish_stream();
}

}  // namespace parapet::server
