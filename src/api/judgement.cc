#include "api/judgement.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "api/timing_of.h"
#include "base/check.h"
#include "guard/probabilities.h"
#include "guard/verdict_parser.h"
#include "guard/verdict_plan.h"

namespace parapet {
namespace {

// An answer that is no verdict may hide anything short of what a verdict already says is Unsafe.
int gravity(const Verdict& verdict) {
  if (!verdict.safety) return 2;
  switch (*verdict.safety) {
    case Safety::kSafe: return 0;
    case Safety::kControversial: return 1;
    case Safety::kUnsafe: return 3;
  }
  return 3;
}

}  // namespace

Judgement::Judgement(const Tokenizer& tokenizer, std::shared_ptr<const VerdictTokens> tokens,
                     const JudgeOptions& options, double render_ms, std::size_t num_windows,
                     OnVerdict on_verdict)
    : tokenizer_(tokenizer),
      tokens_(std::move(tokens)),
      label_only_(options.stop_after_label),
      render_ms_(render_ms),
      remaining_(num_windows),
      on_verdict_(std::move(on_verdict)) {
  verdict_.num_windows = static_cast<std::int64_t>(num_windows);
}

void Judgement::take(Result<GenerationOutput> answer) {
  if (answer) {
    merge(read(*answer));
  } else if (!error_) {
    error_ = answer.error();
  }
  if (--remaining_ > 0) return;
  if (error_) {
    on_verdict_(std::move(*error_));
  } else {
    on_verdict_(std::move(verdict_));
  }
}

// What is judged twice counts as the graver; passes, tokens and times add up.
void Judgement::merge(Verdict window) {
  window.num_windows = verdict_.num_windows;
  window.context_cut = verdict_.context_cut;
  window.num_passes += verdict_.num_passes;
  window.usage.prompt_tokens += verdict_.usage.prompt_tokens;
  window.usage.completion_tokens += verdict_.usage.completion_tokens;
  window.usage.cached_tokens += verdict_.usage.cached_tokens;
  window.timing.prefill_ms += verdict_.timing.prefill_ms;
  window.timing.decode_ms += verdict_.timing.decode_ms;
  window.timing.total_ms = std::max(window.timing.total_ms, verdict_.timing.total_ms);
  if (!has_verdict_ || gravity(window) > gravity(verdict_)) {
    verdict_ = std::move(window);
  } else {
    verdict_.num_passes = window.num_passes;
    verdict_.usage = window.usage;
    verdict_.timing = window.timing;
  }
  has_verdict_ = true;
}

Verdict Judgement::read(const GenerationOutput& answer) const {
  Verdict verdict;
  verdict.text = tokenizer_.decode(answer.token_ids);
  verdict.usage = answer.usage;
  verdict.num_passes = answer.num_passes;
  verdict.timing = timing_of(render_ms_, answer.timing);
  if (auto status = read_answer(answer, verdict); !status) {
    verdict.error = std::move(status).error();
  }
  return verdict;
}

Status Judgement::read_answer(const GenerationOutput& answer, Verdict& verdict) const {
  PARAPET_TRY(read_probabilities(answer, verdict));
  if (label_only_) {
    const TokenFork& labels = tokens_->labels();
    if (answer.token_ids.size() == labels.head.size() + 1) {
      const auto label = std::ranges::find(labels.first_tokens, answer.token_ids.back());
      if (label != labels.first_tokens.end()) {
        verdict.safety = kAllSafety[static_cast<std::size_t>(label - labels.first_tokens.begin())];
        return {};
      }
    }
    return Error{ErrorCode::kMalformedOutput, "the model's answer does not begin with a label"};
  }
  if (answer.finish_reason == FinishReason::kLength) {
    return Error{ErrorCode::kMalformedOutput, "the model's answer is not finished after " +
                                                  std::to_string(answer.usage.completion_tokens) +
                                                  " tokens"};
  }
  PARAPET_ASSIGN(ParsedVerdict parsed, parse_verdict(verdict.text, tokens_->mode()));
  verdict.safety = parsed.safety;
  verdict.categories = std::move(parsed.categories);
  verdict.refusal = parsed.refusal;
  return {};
}

Status Judgement::read_probabilities(const GenerationOutput& answer, Verdict& verdict) const {
  for (const auto& [step, logprobs] : answer.watched) {
    const auto before =
        std::span(answer.token_ids)
            .first(std::min(static_cast<std::size_t>(step), answer.token_ids.size()));
    if (std::ranges::equal(before, tokens_->labels().head)) {
      PARAPET_ASSIGN(verdict.probabilities, label_probabilities(logprobs));
    } else if (category_position(*tokens_, before)) {
      PARAPET_ASSIGN(verdict.category_probabilities,
                     category_probabilities(tokens_->mode(), logprobs));
    }
  }
  return {};
}

}  // namespace parapet
