#include "api/generation_requests.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "base/refusal.h"
#include "structured/constraints.h"

namespace parapet {
namespace {

constexpr std::int64_t kMaxAnswers = 128;
constexpr std::size_t kMaxStopStrings = 64;
constexpr std::size_t kMaxBadWords = 512;  // each in two spellings: SamplingSettings takes 1,024
constexpr std::size_t kMaxStopBytes = 1024;

Status check_params(const SamplingParams& params) {
  if (params.n < 1 || params.n > kMaxAnswers) {
    return refused("n", std::to_string(params.n), "1 to " + std::to_string(kMaxAnswers));
  }
  if (params.min_tokens < 0 || params.min_tokens > params.max_tokens) {
    return refused("min_tokens", std::to_string(params.min_tokens),
                   "0 to max_tokens, which is " + std::to_string(params.max_tokens));
  }
  if (params.stop.size() > kMaxStopStrings) {
    return refused("stop", "a list of " + std::to_string(params.stop.size()),
                   "at most " + std::to_string(kMaxStopStrings) + " strings");
  }
  for (const std::string& stop : params.stop) {
    if (!stop.empty() && stop.size() <= kMaxStopBytes) continue;
    return refused("stop", "a string of " + std::to_string(stop.size()) + " bytes",
                   "1 to " + std::to_string(kMaxStopBytes) + " bytes");
  }
  if (params.bad_words.size() > kMaxBadWords) {
    return refused("bad_words", "a list of " + std::to_string(params.bad_words.size()),
                   "at most " + std::to_string(kMaxBadWords) + " words");
  }
  if (!params.choice.empty() && !params.regex.empty()) {
    return refused("choice", "given together with regex", "one of the two");
  }
  return {};
}

// A word can be written at the beginning of a text or after a space.
Status add_bad_words(const Tokenizer& tokenizer, const SamplingParams& params,
                     SamplingSettings& settings) {
  for (const std::string& word : params.bad_words) {
    if (word.empty()) return refused("bad_words", "an empty string", "words");
    for (const char* space : {"", " "}) {
      settings.bad_words.push_back(tokenizer.encode(space + word, Origin::kMessage));
    }
  }
  return {};
}

Status add_constraint(LoadedModel& model, const SamplingParams& params,
                      SamplingSettings& settings) {
  if (!params.choice.empty()) {
    PARAPET_ASSIGN(settings.constraint,
                   choice_constraint(params.choice, model.vocabulary(), model.end_tokens()));
  } else if (!params.regex.empty()) {
    PARAPET_ASSIGN(settings.constraint,
                   regex_constraint(params.regex, model.vocabulary(), model.end_tokens()));
  }
  return {};
}

Result<SamplingSettings> make_settings(LoadedModel& model, const SamplingParams& params) {
  SamplingSettings settings;
  settings.temperature = params.temperature;
  settings.top_k = params.top_k == -1 ? 0 : params.top_k;  // vLLM's older word for "all"
  settings.top_p = params.top_p;
  settings.min_p = params.min_p;
  settings.presence_penalty = params.presence_penalty;
  settings.frequency_penalty = params.frequency_penalty;
  settings.repetition_penalty = params.repetition_penalty;
  settings.logit_bias = params.logit_bias;
  settings.allowed_token_ids = params.allowed_token_ids;
  settings.min_tokens = params.min_tokens;
  settings.seed = params.seed.value_or(0);
  PARAPET_TRY(add_bad_words(model.tokenizer(), params, settings));
  PARAPET_TRY(add_constraint(model, params, settings));
  return settings;
}

}  // namespace

Result<std::vector<GenerationRequest>> make_requests(LoadedModel& model,
                                                     const SamplingParams& params) {
  PARAPET_TRY(check_params(params));
  GenerationRequest request;
  PARAPET_ASSIGN(request.sampling, make_settings(model, params));
  request.max_tokens = params.max_tokens;
  request.stop_token_ids = params.stop_token_ids;
  // A constraint tells by an end token that the answer is complete.
  if (!params.ignore_eos || request.sampling.constraint) {
    const auto& ends = model.end_tokens();
    request.stop_token_ids.insert(request.stop_token_ids.end(), ends.begin(), ends.end());
  }
  request.logprobs = params.logprobs;
  request.prompt_logprobs = params.prompt_logprobs;
  request.logprob_token_ids = params.logprob_token_ids;
  request.priority = params.priority;
  request.cache_salt = params.cache_salt;
  std::vector<GenerationRequest> requests(static_cast<std::size_t>(params.n), request);
  for (std::size_t i = 1; i < requests.size(); ++i) requests[i].sampling.seed += i;
  return requests;
}

void set_prompt(const LoadedModel& model, const SamplingParams& params, std::vector<TokenId> prompt,
                GenerationRequest& request) {
  request.prompt = std::move(prompt);
  if (!model.guard_formats()) return;
  const GuardFormat* format = model.guard_formats()->of_prompt(request.prompt);
  if (format == nullptr) return;
  request.num_public_tokens = std::ssize(format->policy);
  if (!params.plain_decoding) request.plan = format->draft;
}

}  // namespace parapet
