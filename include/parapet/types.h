// Words that every part of the public API shares.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/export.h"

namespace parapet {

// Of the library that runs, which may be newer than these headers: "0.1.0".
PARAPET_API const char* version();

using TokenId = std::int32_t;

// One turn of a conversation. Its text is never interpreted: special tokens spelled in it stay
// text.
struct Message {
  std::string role;     // "system", "user" or "assistant"
  std::string content;  // UTF-8; invalid bytes are read as U+FFFD
};
using Conversation = std::vector<Message>;  // the oldest first

// Who may spell a special token in a rendered chat template.
enum class TemplateTokens : std::uint8_t {
  kTemplateOnly,  // the template alone; text of messages stays text
  kHuggingFace,   // anyone, as Hugging Face tokenizes the rendered string; for comparison only
};

struct TokenUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;  // end tokens count
  std::int64_t cached_tokens = 0;      // of the prompt, taken from the prefix cache
};

// Wall-clock milliseconds of one request. Requests that ran in one batch share its steps, so their
// times may add up to more than the batch took.
struct Timing {
  double render_ms = 0;   // chat template and tokenizer
  double prefill_ms = 0;  // from the first step to the first token
  double decode_ms = 0;   // from the first token to the last
  double total_ms = 0;    // all of it, with the wait for the first step
};

// Called while something takes long: what is being done, and how much of it (in bytes, tokens or
// sizes; only the quotient means something). On the thread of whoever called what takes long, a few
// dozen times a second at most. It must not throw.
using ProgressCallback =
    std::function<void(std::string_view task, std::uint64_t done, std::uint64_t total)>;

}  // namespace parapet
