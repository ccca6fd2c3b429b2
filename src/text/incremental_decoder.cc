#include <utility>

#include "base/utf8.h"
#include "text/tokenizer.h"

namespace parapet {

IncrementalDecoder::IncrementalDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(&tokenizer), skip_special_tokens_(skip_special_tokens) {}

std::string IncrementalDecoder::push(TokenId id) {
  if (skip_special_tokens_ && tokenizer_->is_special(id)) return {};
  pending_ += tokenizer_->token_bytes(id);
  std::string unfinished = pending_.substr(pending_.size() - unfinished_suffix(pending_));
  pending_.resize(pending_.size() - unfinished.size());
  return replace_ill_formed(std::exchange(pending_, std::move(unfinished)));
}

std::string IncrementalDecoder::finish() { return replace_ill_formed(std::exchange(pending_, {})); }

}  // namespace parapet
