// Conversations of random tokens, and answers that random weights agree with.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/answer_plan.h"
#include "engine/request.h"
#include "parapet/bench.h"

namespace parapet {

// Drafts as a guard does, of answers that are lists of random ids: an expected one first; where the
// model disagrees, all that begin with what it wrote.
class VerdictBenchPlan final : public AnswerPlan {
 public:
  VerdictBenchPlan(std::vector<TokenId> expected, std::vector<std::vector<TokenId>> others)
      : expected_(std::move(expected)), others_(std::move(others)) {}
  DraftTree draft(std::span<const TokenId> output) const override;
  std::span<const TokenId> watch(std::span<const TokenId> output) const override;

 private:
  std::vector<TokenId> expected_;
  std::vector<std::vector<TokenId>> others_;
};

class VerdictWorkload {
 public:
  static constexpr std::int64_t kAnswerTokens = 8;     // `Safety`, `:`, ` Safe`, ... and the end
  static constexpr std::size_t kLabelPosition = 2;     // of ` Safe`
  static constexpr std::size_t kCategoryPosition = 6;  // after newline, `Categories`, `:`
  // Tokens of each category's name, and of "None", with Qwen3's tokenizer.
  static constexpr std::array<std::size_t, 10> kCategoryTokens = {2, 5, 5, 2, 5, 3, 5, 3, 2, 1};
  static constexpr std::size_t kWrittenCategory = 5;
  static constexpr std::int64_t kCategoryAnswerTokens =
      kCategoryPosition + kCategoryTokens[kWrittenCategory] + 1;  // and the end

  VerdictWorkload(const VerdictBenchOptions& options, std::int64_t vocab_size);

  // What is to be computed and pinned before all else.
  GenerationRequest policy() const;
  // A new conversation; no other has its text.
  std::vector<TokenId> conversation();
  // Its answers come from the model; each request is a tenant of its own, so that nothing but the
  // policy is found in the cache.
  GenerationRequest request(const std::vector<TokenId>& prompt, std::int64_t max_tokens);
  // The plan under which `answer`, which the model writes, is as drafted.
  static std::shared_ptr<const AnswerPlan> safe_plan(const std::vector<TokenId>& answer);
  // The plan that drafts another label first, and then ten categories, one of which is right, as in
  // `answer` of kCategoryAnswerTokens.
  std::shared_ptr<const AnswerPlan> category_plan(const std::vector<TokenId>& answer);

 private:
  std::int64_t vocab_size_;
  std::int64_t text_tokens_;
  std::mt19937_64 random_{20261122};
  std::vector<TokenId> policy_;
  std::vector<TokenId> tail_;
  std::int64_t num_tenants_ = 0;
};

}  // namespace parapet
