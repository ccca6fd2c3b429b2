// The pre-tokenizer: cuts text into the pieces inside which merges may happen.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace parapet {

// The patterns of Qwen2 to Qwen3 and of Llama 3, which differ in how many digits go together:
//   (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,max_digits}
//   |  ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
class SplitPattern {
 public:
  // The pattern as tokenizer.json spells it; nullopt for any other.
  static std::optional<SplitPattern> from_regex(std::string_view regex);

  // Where the piece that begins at `at` < text.size() ends. `text` is well-formed UTF-8. Every
  // character belongs to a piece; over a whole text the time is linear, since no alternative
  // looks back and white space, the only class that two of them read, ends in three steps.
  std::size_t piece_end(std::string_view text, std::size_t at) const;

 private:
  explicit SplitPattern(int max_digits) : max_digits_(max_digits) {}

  int max_digits_;
};

}  // namespace parapet
