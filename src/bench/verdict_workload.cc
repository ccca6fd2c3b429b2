#include "bench/verdict_workload.h"

#include <algorithm>
#include <string>

#include "bench/bench_engine.h"

namespace parapet {

DraftTree VerdictBenchPlan::draft(std::span<const TokenId> output) const {
  DraftTree tree;
  const auto add = [&](const std::vector<TokenId>& answer) {
    if (answer.size() <= output.size() ||
        !std::ranges::equal(std::span(answer).first(output.size()), output)) {
      return;
    }
    // The end token is read, never computed.
    const auto rest = std::span(answer).subspan(output.size());
    tree.add(rest.first(rest.size() - 1));
  };
  add(expected_);
  if (output.size() > VerdictWorkload::kLabelPosition) {
    for (const auto& other : others_) add(other);
  }
  return tree;
}

// The three labels; the position is that of every verdict.
std::span<const TokenId> VerdictBenchPlan::watch(std::span<const TokenId> output) const {
  if (output.size() != VerdictWorkload::kLabelPosition) return {};
  return std::span(expected_).first(3);
}

VerdictWorkload::VerdictWorkload(const VerdictBenchOptions& options, std::int64_t vocab_size)
    : vocab_size_(vocab_size),
      text_tokens_(options.text_tokens),
      policy_(random_tokens(random_, options.policy_tokens, vocab_size)),
      tail_(random_tokens(random_, options.tail_tokens, vocab_size)) {}

GenerationRequest VerdictWorkload::policy() const {
  GenerationRequest request;
  request.prompt = policy_;
  request.max_tokens = 0;
  request.num_public_tokens = std::ssize(policy_);
  request.pin_prompt = true;
  return request;
}

std::vector<TokenId> VerdictWorkload::conversation() {
  std::vector<TokenId> prompt = policy_;
  const auto text = random_tokens(random_, text_tokens_, vocab_size_);
  prompt.insert(prompt.end(), text.begin(), text.end());
  prompt.insert(prompt.end(), tail_.begin(), tail_.end());
  return prompt;
}

GenerationRequest VerdictWorkload::request(const std::vector<TokenId>& prompt,
                                           std::int64_t max_tokens) {
  GenerationRequest request;
  request.prompt = prompt;
  request.max_tokens = max_tokens;
  request.cache_salt = "tenant " + std::to_string(++num_tenants_);
  request.num_public_tokens = std::ssize(policy_);
  return request;
}

std::shared_ptr<const AnswerPlan> VerdictWorkload::safe_plan(const std::vector<TokenId>& answer) {
  return std::make_shared<VerdictBenchPlan>(answer, std::vector<std::vector<TokenId>>{});
}

std::shared_ptr<const AnswerPlan> VerdictWorkload::category_plan(
    const std::vector<TokenId>& answer) {
  std::vector<TokenId> wrong = answer;
  wrong[kLabelPosition] = (wrong[kLabelPosition] + 1) % static_cast<TokenId>(vocab_size_);
  std::vector<std::vector<TokenId>> categories;
  for (std::size_t i = 0; i < kCategoryTokens.size(); ++i) {
    auto& category = categories.emplace_back(answer);
    if (i == kWrittenCategory) continue;
    category.resize(kCategoryPosition + kCategoryTokens[i] + 1, 0);
    for (std::size_t at = kCategoryPosition; at < category.size(); ++at) {
      category[at] =
          (category[at] + static_cast<TokenId>(i) + 1) % static_cast<TokenId>(vocab_size_);
    }
  }
  return std::make_shared<VerdictBenchPlan>(wrong, std::move(categories));
}

}  // namespace parapet
