// An answer's text as its tokens come: decoded, searched for stop strings, told piece by piece.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/request.h"
#include "parapet/llm.h"
#include "text/tokenizer.h"

namespace parapet {

// Used on one thread: the engine's.
class AnswerWriter {
 public:
  // The tokenizer must outlive it. `on_delta` may be empty.
  AnswerWriter(const Tokenizer& tokenizer, const SamplingParams& params, std::int64_t index,
               OnDelta on_delta);

  // Reads what is new in `output`, whose tokens' logprobs, if any, stand in `so_far`; true where a
  // stop string ends the answer.
  bool read(std::span<const TokenId> output, const GenerationOutput& so_far = {});
  // No more tokens come: what was held back is told.
  void finish();

  const std::string& text() const { return text_; }
  const std::optional<std::string>& stop_string() const { return stop_string_; }

 private:
  void note(std::size_t index, TokenId token, const GenerationOutput& so_far);
  void look_for_stop(std::size_t old_size);
  void tell(std::size_t certain);

  IncrementalDecoder decoder_;
  std::vector<std::string> stop_;
  bool include_stop_;
  std::int64_t min_tokens_;
  std::size_t longest_stop_ = 0;
  std::int64_t index_;
  OnDelta on_delta_;

  std::string text_;
  std::optional<std::string> stop_string_;
  std::size_t num_read_ = 0;  // tokens
  std::size_t num_told_ = 0;  // bytes of text_
  OutputDelta untold_;        // but for the text
};

}  // namespace parapet
