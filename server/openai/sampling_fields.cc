#include "server/openai/sampling_fields.h"

#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace parapet::server {
namespace {

constexpr const char* kFreeText = "the answer is text, or one of a choice, or matches a regex";

void read_logit_bias(Fields& fields, SamplingParams& params) {
  const Json* bias = fields.find("logit_bias");
  if (bias == nullptr) return;
  constexpr const char* kWhat = "logit_bias must be an object of token ids and numbers";
  if (!bias->is_object()) return fields.fail("logit_bias", kWhat);
  for (const auto& [key, value] : bias->items()) {
    TokenId id = 0;
    const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (problem != std::errc() || end != key.data() + key.size() || !value.is_number()) {
      return fields.fail("logit_bias", kWhat);
    }
    params.logit_bias.emplace_back(id, value.get<float>());
  }
}

// vLLM's structured_outputs, its older guided_*, and OpenAI's response_format.
void read_structure(Fields& fields, SamplingParams& params) {
  fields.read("guided_choice", params.choice);
  fields.read("guided_regex", params.regex);
  for (const char* name : {"guided_json", "guided_grammar", "guided_whitespace_pattern"}) {
    fields.refuse(name, kFreeText);
  }
  if (const Json* structure = fields.find("structured_outputs")) {
    Fields inner(*structure, "structured_outputs.");
    inner.read("choice", params.choice);
    inner.read("regex", params.regex);
    for (const char* name : {"json", "json_object", "grammar", "structural_tag"}) {
      inner.refuse(name, kFreeText);
    }
    if (inner.error()) fields.fail(*inner.error());
  }
  if (const Json* format = fields.find("response_format")) {
    Fields inner(*format, "response_format.");
    std::string type;
    inner.read("type", type);
    if (!inner.error() && type != "text") {
      inner.fail("type", std::string("response_format.type must be \"text\": ") + kFreeText);
    }
    if (inner.error()) fields.fail(*inner.error());
  }
}

void refuse_unsupported(Fields& fields, const SamplingParams& params) {
  fields.refuse("use_beam_search", "answers are sampled or greedy");
  fields.refuse("tools", "a guard model calls none");
  fields.refuse("functions", "a guard model calls none");
  fields.refuse("suffix", "the model writes on from the prompt alone");
  fields.refuse("logits_processors", "no code of requests is run");
  fields.refuse("kv_transfer_params", "the KV cache stays in this process");
  fields.refuse("thinking_token_budget", "the model does not think aloud");
  fields.refuse("audio", "the model reads and writes text");
  fields.refuse("watermarking", "answers are the model's own");
  fields.refuse("repetition_detection", "an answer ends by stop, an end token or max_tokens");
  fields.refuse("return_prompt_text", "POST /tokenize and /detokenize tell what the model reads");
  fields.refuse("vllm_xargs", "there are no extensions to read them");
  const Json* tool_choice = fields.find("tool_choice");
  if (tool_choice != nullptr && *tool_choice != "none" && *tool_choice != "auto") {
    fields.fail("tool_choice", "tool_choice must be \"none\": a guard model calls no tools");
  }
  std::int64_t best_of = params.n;
  fields.read("best_of", best_of, 1, 1024);
  if (best_of != params.n) fields.fail("best_of", "best_of must be n: all answers are returned");
  bool skip_special_tokens = true;
  fields.read("skip_special_tokens", skip_special_tokens);
  if (!skip_special_tokens) {
    fields.fail("skip_special_tokens", "skip_special_tokens must be true: text has none");
  }
}

}  // namespace

void read_sampling(Fields& fields, const ServerOptions& options, SamplingParams& params) {
  params = options.sampling;
  fields.read("temperature", params.temperature);
  fields.read("top_p", params.top_p);
  fields.read("top_k", params.top_k);
  fields.read("min_p", params.min_p);
  fields.read("presence_penalty", params.presence_penalty);
  fields.read("frequency_penalty", params.frequency_penalty);
  fields.read("repetition_penalty", params.repetition_penalty);
  fields.read("seed", params.seed);
  fields.read("n", params.n, 1, 128);
  fields.read("min_tokens", params.min_tokens);
  fields.read("stop", params.stop, /*or_one=*/true);
  fields.read("stop_token_ids", params.stop_token_ids);
  fields.read("include_stop_str_in_output", params.include_stop_str_in_output);
  fields.read("ignore_eos", params.ignore_eos);
  fields.read("allowed_token_ids", params.allowed_token_ids);
  fields.read("bad_words", params.bad_words);
  read_top(fields, options, "prompt_logprobs", params.prompt_logprobs);
  fields.read("cache_salt", params.cache_salt);
  fields.read("priority", params.priority);
  if (params.priority != 0 && !options.priority_scheduling) {
    fields.fail("priority",
                "priority needs a server that was started with --scheduling-policy priority");
  }
  read_logit_bias(fields, params);
  read_structure(fields, params);
  refuse_unsupported(fields, params);
}

void read_top(Fields& fields, const ServerOptions& options, std::string_view name,
              std::optional<std::int64_t>& top) {
  if (options.max_logprobs >= 0) return fields.read(name, top, 0, options.max_logprobs);
  // The engine knows the vocabulary.
  fields.read(name, top, -1, std::numeric_limits<std::int64_t>::max());
}

void read_logprob_token_ids(Fields& fields, std::optional<std::int64_t> top,
                            SamplingParams& params) {
  fields.read("logprob_token_ids", params.logprob_token_ids);
  params.logprobs = top;
  if (params.logprob_token_ids.empty()) return;
  if (!top) fields.fail("logprob_token_ids", "logprob_token_ids needs logprobs");
  params.logprobs = 0;  // of the chosen token
}

StreamOptions read_stream_options(Fields& fields, const SamplingParams& params) {
  StreamOptions options;
  fields.read("stream", options.stream);
  if (options.stream && params.prompt_logprobs) {
    fields.fail("prompt_logprobs", "prompt_logprobs are not streamed; ask for them without stream");
  }
  if (!options.stream) {
    fields.refuse("stream_options", "only an answer with \"stream\": true has them");
  }
  if (const Json* given = fields.find("stream_options")) {
    Fields inner(*given, "stream_options.");
    inner.read("include_usage", options.include_usage);
    inner.read("continuous_usage_stats", options.continuous_usage);
    if (inner.error()) fields.fail(*inner.error());
  }
  return options;
}

void Truncation::apply(std::vector<TokenId>& prompt) const {
  if (!most || *most >= std::ssize(prompt)) return;
  if (keep_first) {
    prompt.resize(static_cast<std::size_t>(*most));
  } else {
    prompt.erase(prompt.begin(), prompt.end() - *most);
  }
}

Truncation read_truncation(Fields& fields) {
  Truncation truncation;
  fields.read("truncate_prompt_tokens", truncation.most, 1,
              std::numeric_limits<std::int64_t>::max());
  std::string side = "left";
  fields.read("truncation_side", side);
  if (side != "left" && side != "right") {
    fields.fail("truncation_side",
                "truncation_side must be \"left\" (the last tokens stay) or \"right\"");
  }
  truncation.keep_first = side == "right";
  return truncation;
}

}  // namespace parapet::server
