// Prompts under way in the engine, for one request: submitted together, cancelled together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "parapet/llm.h"
#include "server/http/exchange.h"
#include "server/json/fields.h"
#include "server/openai/sampling_fields.h"
#include "server/service/service.h"

namespace parapet::server {

struct GenerationJob {
  std::vector<std::vector<TokenId>> prompts;
  SamplingParams params;
  Deadline deadline;
  // Both on the exchange's strand. on_delta may be empty.
  std::function<void(std::size_t prompt, const OutputDelta& delta)> on_delta;
  std::function<void(const std::vector<RequestOutput>& outputs)> on_done;
  std::function<void(const ApiError& error)> on_failed;
};

// Calls on_done once all prompts are answered, or on_failed: there is no room, the deadline came
// first, or one of the prompts cannot be served. A client that leaves cancels what is under way.
void generate(Service& service, const std::shared_ptr<Exchange>& exchange, GenerationJob job);

// vLLM's: the stop string, or that of the request's stop_token_ids, which ended the answer; null
// where the model ended it, or its length.
Json stop_reason(const CompletionOutput& output, const SamplingParams& params);
// Of one answer, what ended it included.
std::int64_t num_tokens(const CompletionOutput& output);
// The answer's name: the client's request_id where it gave one and no X-Request-Id.
std::string answer_id(const char* prefix, const Request& http, const std::string& request_id);
// Reads the field of that name.
std::string read_request_id(Fields& fields);

Json usage_json(const TokenUsage& usage, const ServerOptions& options);

// A stream of answers, and what it has told of each. `head`: what every event begins with.
class AnswerEvents {
 public:
  struct Told {
    bool begun = false;
    std::int64_t tokens = 0;
    std::size_t logprobs = 0;  // positions
    std::int64_t offset = 0;   // characters
  };

  AnswerEvents(Exchange& exchange, const ServerOptions& options, StreamOptions stream,
               std::size_t num_answers)
      : exchange_(exchange), options_(options), stream_(stream), told_(num_answers) {}

  Told& told(std::size_t answer) { return told_[answer]; }
  void count(std::size_t answer, const OutputDelta& delta);
  // What no delta told of an answer: the logprobs of its end token, and, where there was no delta,
  // of the prompt.
  OutputDelta rest(std::size_t answer, const RequestOutput& request,
                   const CompletionOutput& output);
  void send(Json head, std::size_t answer, Json choice, std::int64_t num_prompt_tokens);
  void finish(Json head, const TokenUsage& usage);
  // Where no event was sent, the error is the whole answer.
  void fail(const ApiError& error);

 private:
  Exchange& exchange_;
  const ServerOptions& options_;
  StreamOptions stream_;
  std::vector<Told> told_;
  bool begun_ = false;
};

}  // namespace parapet::server
