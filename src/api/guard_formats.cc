#include "api/guard_formats.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "guard/verdict_plan.h"

namespace parapet {
namespace {

// What prompts of different conversations begin with.
struct Policy {
  std::vector<TokenId> ids;
  bool spells_labels = true;
};

bool spells_labels(const std::string& prompt) {
  return std::ranges::all_of(kAllSafety, [&](Safety safety) {
    return prompt.find(std::string(kSafetyHead) + to_string(safety)) != std::string::npos;
  });
}

// Fails where the template refuses these conversations: then there is no policy to know of.
Result<Policy> find_policy(const ChatTokenizer& tokenizer, TemplateTokens template_tokens,
                           GuardMode mode) {
  Policy policy;
  for (const char* text : {"a", "0 ", "护栏", "\n"}) {
    Conversation conversation{{"user", text}};
    if (mode == GuardMode::kResponse) conversation.push_back({"assistant", text});
    PARAPET_ASSIGN(const auto prompt, tokenizer.render(conversation, template_tokens));
    if (policy.ids.empty()) policy.ids = prompt.ids;
    policy.ids.resize(static_cast<std::size_t>(std::ranges::mismatch(policy.ids, prompt.ids).in1 -
                                               policy.ids.begin()));
    policy.spells_labels = policy.spells_labels && spells_labels(prompt.text);
  }
  return policy;
}

}  // namespace

std::int64_t GuardFormat::num_shared(std::span<const TokenId> prompt) const {
  return std::ranges::mismatch(policy, prompt).in1 - policy.begin();
}

Result<GuardFormats> GuardFormats::find(const Tokenizer& tokenizer,
                                        const ChatTokenizer& chat_tokenizer,
                                        TemplateTokens template_tokens) {
  GuardFormats found;
  for (const GuardMode mode : kGuardModes) {
    GuardFormat& format = found.formats_[static_cast<std::size_t>(mode)];
    PARAPET_ASSIGN(VerdictTokens tokens, VerdictTokens::make(tokenizer, mode));
    format.tokens = std::make_shared<const VerdictTokens>(std::move(tokens));
    auto policy = find_policy(chat_tokenizer, template_tokens, mode);
    if (!policy) continue;
    format.policy = std::move(policy->ids);
    if (policy->spells_labels) format.draft = std::make_shared<VerdictDraft>(format.tokens);
  }
  return found;
}

const GuardFormat* GuardFormats::of_prompt(std::span<const TokenId> prompt) const {
  const GuardFormat* longest = nullptr;
  for (const GuardFormat& format : formats_) {
    const std::int64_t length = std::ssize(format.policy);
    if (length == 0 || format.num_shared(prompt) < length) continue;
    if (longest == nullptr || std::ssize(longest->policy) < length) longest = &format;
  }
  return longest;
}

}  // namespace parapet
