#include "api/conversation_windows.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "guard/windows.h"

namespace parapet {
namespace {

class Fitter {
 public:
  Fitter(const Conversation& conversation, std::int64_t max_tokens, const CountTokens& count)
      : context_(conversation.begin(), conversation.end() - 1),
        judged_(conversation.back()),
        max_tokens_(max_tokens),
        count_(count) {}

  Result<ConversationWindows> fit() {
    ConversationWindows result;
    PARAPET_ASSIGN(const std::int64_t empty, count_({{judged_.role, ""}}));
    const std::int64_t context_tokens = (max_tokens_ - empty) / 2 + empty;
    while (!context_.empty() && !fits("", context_tokens)) {
      result.context_cut = true;
      if (context_.size() > 1) {
        context_.erase(context_.begin());
      } else {
        shorten_context(context_tokens);
      }
    }
    const auto pieces = overlapping_windows(
        judged_.content, [this](std::string_view piece) { return fits(piece, max_tokens_); });
    if (pieces.empty()) {
      return Error{ErrorCode::kTooLong, "the chat template alone takes " + std::to_string(empty) +
                                            " tokens, expected at most " +
                                            std::to_string(max_tokens_) +
                                            " with something to judge; raise max_model_len"};
    }
    for (const std::string_view piece : pieces) result.windows.push_back(with(piece));
    return result;
  }

 private:
  Conversation with(std::string_view piece) const {
    Conversation conversation = context_;
    conversation.push_back({judged_.role, std::string(piece)});
    return conversation;
  }

  // A template that refuses one of the pieces will tell so when that piece is judged.
  bool fits(std::string_view piece, std::int64_t max_tokens) const {
    const auto tokens = count_(with(piece));
    return tokens && *tokens <= max_tokens;
  }

  void shorten_context(std::int64_t max_tokens) {
    Message& last = context_.front();
    const std::string whole = last.content;
    const std::string_view kept = longest_end(whole, [&](std::string_view end) {
      context_.front().content = end;
      return fits("", max_tokens);
    });
    last.content = kept;
    if (kept.empty()) context_.clear();
  }

  Conversation context_;
  const Message& judged_;
  std::int64_t max_tokens_;
  const CountTokens& count_;
};

}  // namespace

Result<ConversationWindows> fit_conversation(const Conversation& conversation,
                                             std::int64_t max_tokens, const CountTokens& count) {
  return Fitter(conversation, max_tokens, count).fit();
}

}  // namespace parapet
