// How a guard model is asked and how it answers: found once, when a model is loaded.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/answer_plan.h"
#include "guard/taxonomy.h"
#include "guard/verdict_tokens.h"
#include "parapet/chat_tokenizer.h"
#include "parapet/error.h"
#include "parapet/types.h"
#include "text/tokenizer.h"

namespace parapet {

inline constexpr std::array<GuardMode, 2> kGuardModes = {GuardMode::kPrompt, GuardMode::kResponse};

struct GuardFormat {
  std::shared_ptr<const VerdictTokens> tokens;
  // The tokens that the template writes before every conversation; empty where it refuses those
  // that we asked it with.
  std::vector<TokenId> policy;
  // Drafts the answer to a prompt that begins with the policy, and watches nothing. Null where the
  // template does not spell the labels: it asks for no verdict, whatever its tokenizer can tell.
  std::shared_ptr<const AnswerPlan> draft;

  // How many tokens of the policy `prompt` begins with.
  std::int64_t num_shared(std::span<const TokenId> prompt) const;
};

class GuardFormats {
 public:
  // The tokenizers must outlive it. ErrorCode::kUnsupported where theirs is no guard's.
  static Result<GuardFormats> find(const Tokenizer& tokenizer, const ChatTokenizer& chat_tokenizer,
                                   TemplateTokens template_tokens);

  const GuardFormat& of(GuardMode mode) const { return formats_[static_cast<std::size_t>(mode)]; }
  // The one whose whole policy `prompt` begins with, of two the longer; null where it is no guard's
  // prompt.
  const GuardFormat* of_prompt(std::span<const TokenId> prompt) const;

 private:
  std::array<GuardFormat, kGuardModes.size()> formats_;
};

}  // namespace parapet
