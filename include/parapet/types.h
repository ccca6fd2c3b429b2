// Words that every part of the public API shares.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace parapet {

// "0.1.0"
const char* version();

using TokenId = std::int32_t;

// One turn of a conversation. Its text is never interpreted: special tokens spelled in it stay
// text.
struct Message {
  std::string role;     // "system", "user" or "assistant"
  std::string content;  // UTF-8; invalid bytes are read as U+FFFD
};
using Conversation = std::vector<Message>;

// Who may spell a special token in a rendered chat template.
enum class TemplateTokens : std::uint8_t {
  kTemplateOnly,  // the template alone; text of messages stays text
  kHuggingFace,   // anyone, as Hugging Face tokenizes the rendered string; for comparison only
};

struct TokenUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt, taken from the prefix cache
};

// Wall-clock milliseconds of one request. Requests that ran in one batch share its steps, so their
// times may add up to more than the batch took.
struct Timing {
  double render_ms = 0;   // chat template and tokenizer
  double prefill_ms = 0;  // from the first step to the first token
  double decode_ms = 0;   // from the first token to the last
  double total_ms = 0;
};

// Called while something takes long: what is being done, and how much of it. From one thread at a
// time, at most a few dozen times a second.
using ProgressCallback =
    std::function<void(std::string_view task, std::uint64_t done, std::uint64_t total)>;

}  // namespace parapet
