// What both sides of a precision report are asked: the published card's prompts, or a file's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/verdict_tokens.h"
#include "parapet/error.h"
#include "parapet/types.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace parapet {

struct EvalPrompt {
  std::string id;
  std::string text;          // as a report shows it
  std::vector<TokenId> ids;  // one or more
  // Of a conversation through the guard's template: what is judged. Empty: text as it is.
  std::optional<GuardMode> mode;
};

// A checkpoint's words, or those that stand in for them under random weights.
class PromptEncoder {
 public:
  // Reads tokenizer, template and end tokens of a checkpoint. kCorrupt where the tokenizer has ids
  // that its model, of `vocab_size`, has not.
  static Result<PromptEncoder> load(const std::filesystem::path& folder, std::int64_t vocab_size);
  // For random weights, to which any token is as good: ids are folded into the vocabulary, and none
  // ends an answer. The folder needs no more than a tokenizer.
  static Result<PromptEncoder> load_for_dummy(const std::filesystem::path& folder,
                                              std::int64_t vocab_size);

  bool has_template() const { return chat_template_.ok(); }
  std::vector<TokenId> encode(std::string_view text) const;
  // `request_json` as ChatTemplate::render takes it. kNotFound where the folder has no template.
  Result<std::vector<TokenId>> render(const std::string& request_json) const;
  std::string decode(const std::vector<TokenId>& ids) const;
  const std::vector<TokenId>& end_tokens() const { return end_tokens_; }
  // Null where ids are folded, or the tokenizer does not tell the labels apart at one token.
  const VerdictTokens* verdict_tokens(GuardMode mode) const;

 private:
  PromptEncoder(Tokenizer tokenizer, Result<ChatTemplate> chat_template);
  void find_verdict_tokens();
  std::vector<TokenId> folded(std::vector<TokenId> ids) const;

  std::unique_ptr<Tokenizer> tokenizer_;  // stays where it is: verdict tokens point to it
  Result<ChatTemplate> chat_template_;
  std::vector<TokenId> end_tokens_;
  std::optional<VerdictTokens> prompt_tokens_;
  std::optional<VerdictTokens> response_tokens_;
  std::int64_t fold_at_ = 0;  // 0: nothing is folded
};

// The card's seven prompts as text, and, where there is a template, its seven cases of safety; or
// but three of each.
Result<std::vector<EvalPrompt>> card_prompts(const PromptEncoder& encoder, bool few);

// A JSONL file; each line is one of
//   {"text": "..."}                                   given to the model as it is
//   {"prompt": "...", "response": "..."}              judged through the template; or without a
//                                                     response
//   {"messages": [{"role": ..., "content": ...}]}     the same
//   {"prompt_token_ids": [...]}
// with an "id" or without. Empty lines are passed over. Errors name file and line.
Result<std::vector<EvalPrompt>> read_prompts(const std::filesystem::path& file,
                                             const PromptEncoder& encoder);

}  // namespace parapet
