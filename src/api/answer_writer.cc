#include "api/answer_writer.h"

#include <algorithm>
#include <utility>

#include "api/public_logprobs.h"
#include "base/utf8.h"

namespace parapet {

AnswerWriter::AnswerWriter(const Tokenizer& tokenizer, const SamplingParams& params,
                           std::int64_t index, OnDelta on_delta)
    : decoder_(tokenizer, /*skip_special_tokens=*/true),
      stop_(params.stop),
      include_stop_(params.include_stop_str_in_output),
      min_tokens_(params.min_tokens),
      index_(index),
      on_delta_(std::move(on_delta)) {
  for (const std::string& stop : stop_) longest_stop_ = std::max(longest_stop_, stop.size());
}

bool AnswerWriter::read(std::span<const TokenId> output, const GenerationOutput& so_far) {
  const std::size_t old_size = text_.size();
  for (; num_read_ < output.size(); ++num_read_) {
    text_ += decoder_.push(output[num_read_]);
    if (on_delta_) note(num_read_, output[num_read_], so_far);
  }
  if (static_cast<std::int64_t>(num_read_) > min_tokens_) look_for_stop(old_size);
  // The beginning of a stop string may stand at the end.
  const std::size_t held_back = longest_stop_ > 0 ? longest_stop_ - 1 : 0;
  if (!stop_string_) tell(text_.size() - std::min(text_.size(), held_back));
  return stop_string_.has_value();
}

// What will be told of the output's token `index`.
void AnswerWriter::note(std::size_t index, TokenId token, const GenerationOutput& so_far) {
  untold_.token_ids.push_back(token);
  if (index < so_far.logprobs.size()) {
    untold_.logprobs.push_back(public_logprobs(so_far.logprobs[index]));
  }
  if (index < so_far.token_logprobs.size()) {
    untold_.token_logprobs.push_back(so_far.token_logprobs[index]);
  }
  if (index == 0) untold_.prompt_logprobs = public_logprobs(so_far.prompt_logprobs);
}

// The stop string that begins first; of those that begin together, the one named first. One that
// was whole in the old text was not to be heeded, and may have been told.
void AnswerWriter::look_for_stop(std::size_t old_size) {
  std::size_t found_at = std::string::npos;
  for (const std::string& stop : stop_) {
    const std::size_t at = text_.find(stop, old_size - std::min(old_size, stop.size() - 1));
    if (at >= found_at) continue;
    found_at = at;
    stop_string_ = stop;
  }
  if (!stop_string_) return;
  text_.resize(found_at + (include_stop_ ? stop_string_->size() : 0));
}

void AnswerWriter::finish() {
  if (!stop_string_) text_ += decoder_.finish();
  tell(text_.size());
}

void AnswerWriter::tell(std::size_t certain) {
  while (certain > num_told_ && certain < text_.size() && is_continuation(text_[certain])) {
    --certain;  // not in the middle of a character
  }
  if (!on_delta_ || (certain <= num_told_ && untold_.token_ids.empty())) return;
  const std::size_t begin = std::min(num_told_, certain);
  OutputDelta delta = std::exchange(untold_, {});
  delta.index = index_;
  delta.text = text_.substr(begin, certain - begin);
  on_delta_(delta);
  num_told_ = std::max(num_told_, certain);
}

}  // namespace parapet
