// What `parapet serve` can be told about serving; what is told about the model is in ModelOptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "parapet/guard.h"
#include "parapet/llm.h"
#include "server/http/cors.h"
#include "server/http/listener.h"

namespace parapet::server {

// How verdicts that cannot be had in time are answered.
enum class OnOverload : std::uint8_t {
  kRefuse,  // 429, or 408 at the deadline
  kFlag,    // 200 with the verdict "Unavailable", which is blocked
};

struct ServerOptions {
  ListenerOptions listener;
  CorsOptions cors;
  std::vector<std::string> api_keys;     // empty: everybody may come in
  std::vector<std::string> model_names;  // the first stands in answers; all are taken

  TemplateTokens template_tokens = TemplateTokens::kTemplateOnly;
  Policy policy = Policy::kStrict;  // of `flagged` and `blocked`, unless a request says
  OnOverload on_overload = OnOverload::kRefuse;
  std::int64_t max_waiting = 2048;       // requests beyond max_num_seqs that wait for the engine
  std::int64_t max_batch = 1024;         // prompts or conversations in one request
  std::int64_t max_messages = 1024;      // in one conversation
  std::int64_t max_logprobs = 20;        // likely tokens at a position; -1: the whole vocabulary
  std::int64_t max_streams = 1024;       // conversations open at /v1/verdicts/stream
  std::chrono::seconds stream_idle{60};  // until one that nobody appends to is closed
  std::chrono::milliseconds default_deadline{0};  // of a request that names none; 0: none
  std::chrono::seconds drain_timeout{30};
  bool take_signals = true;  // SIGTERM and SIGINT drain the server

  SamplingParams sampling;             // defaults of what a request leaves open
  std::string chat_template_kwargs;    // JSON object: variables of every template, or empty
  bool priority_scheduling = false;    // else a request with a priority is refused
  bool prompt_tokens_details = false;  // usage tells cached tokens
  bool log_requests = false;
  bool log_stats = true;
  std::string response_role = "assistant";
};

}  // namespace parapet::server
