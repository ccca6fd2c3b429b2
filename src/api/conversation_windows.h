// A conversation as one or more that fit.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct ConversationWindows {
  std::vector<Conversation> windows;
  bool context_cut = false;  // messages before the judged one were left out or shortened
};

// Tokens of a conversation's prompt.
using CountTokens = std::function<Result<std::int64_t>(const Conversation& conversation)>;

// Cuts the last message, which is the judged one, into overlapping windows of at most max_tokens
// each, all with the same messages before it. Those may take half of the room: beyond it the oldest
// are left out, and of the last of them its end is kept. ErrorCode::kTooLong where the template
// alone does not fit.
Result<ConversationWindows> fit_conversation(const Conversation& conversation,
                                             std::int64_t max_tokens, const CountTokens& count);

}  // namespace parapet
