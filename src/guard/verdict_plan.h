// How the engine gets a verdict in one pass, and its probabilities on the way.
#pragma once

#include <memory>
#include <span>

#include "engine/answer_plan.h"
#include "guard/verdict_tokens.h"

namespace parapet {

// Drafts the answers of the format and watches the positions where they part.
class VerdictPlan final : public AnswerPlan {
 public:
  enum class Scope : std::uint8_t { kWhole, kLabelOnly, kNothing };

  // How far it drafts; it watches in any case.
  VerdictPlan(std::shared_ptr<const VerdictTokens> tokens, Scope scope)
      : tokens_(std::move(tokens)), scope_(scope) {}

  DraftTree draft(std::span<const TokenId> output) const override;
  std::span<const TokenId> watch(std::span<const TokenId> output) const override;

 private:
  std::shared_ptr<const VerdictTokens> tokens_;
  Scope scope_;
};

// For who wants the text alone: watches nothing, and leaves forks of more than two ways to the
// model. Against VerdictPlan, each category may take a pass more, and the rows of all others are
// saved.
class VerdictDraft final : public AnswerPlan {
 public:
  explicit VerdictDraft(std::shared_ptr<const VerdictTokens> tokens) : tokens_(std::move(tokens)) {}

  DraftTree draft(std::span<const TokenId> output) const override;
  std::span<const TokenId> watch(std::span<const TokenId> /*output*/) const override { return {}; }

 private:
  std::shared_ptr<const VerdictTokens> tokens_;
};

// The label whose categories are decided at the position after `output`, if there is one.
std::optional<Safety> category_position(const VerdictTokens& tokens,
                                        std::span<const TokenId> output);

}  // namespace parapet
