#include "generation_output.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

ordered_json logprobs_json(const std::vector<std::vector<Logprob>>& positions,
                           const ChatTokenizer& tokenizer) {
  ordered_json all = ordered_json::array();
  for (const std::vector<Logprob>& position : positions) {
    ordered_json tokens = ordered_json::array();
    for (const Logprob& each : position) {
      tokens.push_back({{"token_id", each.token_id},
                        {"token", tokenizer.decode({each.token_id})},
                        {"logprob", each.logprob},
                        {"rank", each.rank}});
    }
    all.push_back(std::move(tokens));
  }
  return all;
}

ordered_json stop_reason(const CompletionOutput& completion) {
  if (completion.stop_string) return *completion.stop_string;
  if (completion.stop_token) return *completion.stop_token;
  return nullptr;
}

ordered_json to_json(const CompletionOutput& completion, const SamplingParams& params,
                     const ChatTokenizer& tokenizer) {
  ordered_json object = {{"text", completion.text},
                         {"token_ids", completion.token_ids},
                         {"finish_reason", completion.finish_reason},
                         {"stop_reason", stop_reason(completion)},
                         {"logprobs", nullptr},
                         {"token_logprobs", nullptr}};
  if (params.logprobs) object["logprobs"] = logprobs_json(completion.logprobs, tokenizer);
  if (!params.logprob_token_ids.empty()) object["token_logprobs"] = completion.token_logprobs;
  return object;
}

}  // namespace

std::string output_json(const RequestOutput& output, const SamplingParams& params,
                        const ChatTokenizer& tokenizer) {
  ordered_json object;
  object["prompt"] = output.prompt;
  object["prompt_token_ids"] = output.prompt_token_ids;
  object["outputs"] = ordered_json::array();
  for (const CompletionOutput& completion : output.outputs) {
    object["outputs"].push_back(to_json(completion, params, tokenizer));
  }
  object["prompt_logprobs"] = nullptr;
  if (params.prompt_logprobs) {
    object["prompt_logprobs"] = logprobs_json(output.prompt_logprobs, tokenizer);
  }
  object["usage"] = {{"prompt_tokens", output.usage.prompt_tokens},
                     {"cached_tokens", output.usage.cached_tokens},
                     {"completion_tokens", output.usage.completion_tokens}};
  object["timing_ms"] = {{"render", output.timing.render_ms},
                         {"prefill", output.timing.prefill_ms},
                         {"decode", output.timing.decode_ms},
                         {"total", output.timing.total_ms}};
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void print_texts(const RequestOutput& output) {
  for (const CompletionOutput& completion : output.outputs) {
    print_piece(completion.text);
    fmt::print("\n");
  }
}

void print_piece(const std::string& text) {
  fmt::print("{}", is_terminal(stdout) ? many_lines(text) : text);
  std::fflush(stdout);
}

}  // namespace parapet::cli
