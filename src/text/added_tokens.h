// Tokens that stand beside the vocabulary and are found in text before anything else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace parapet {

// One entry of added_tokens in tokenizer.json.
struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool special = false;      // left out by decode(skip_special_tokens)
  bool normalized = false;   // found in normalized text, as its own normal form
  bool single_word = false;  // not found beside a word character
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
};

// Finds a set of added tokens in text as the reference does: leftmost, then longest. Time is linear
// in the text, times the length of the longest token.
class AddedTokenMatcher {
 public:
  struct Match {
    std::size_t begin, end;  // with the white space that the token takes
    TokenId id;
  };

  // Contents are as they are to be found, neither empty nor twice the same.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // In order of their ends. What a match took as white space may hold the next match, which then
  // begins inside it: the reference reads that text twice.
  std::vector<Match> find(std::string_view sentence) const;

 private:
  struct Range {
    std::uint32_t begin = 0, end = 0;
  };

  const AddedToken* longest_at(std::string_view sentence, std::size_t at) const;

  std::vector<AddedToken> tokens_;      // sorted by content
  std::array<Range, 256> first_bytes_;  // which of them begin with a byte
};

}  // namespace parapet
