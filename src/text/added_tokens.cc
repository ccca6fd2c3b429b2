#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/unicode.h"

namespace parapet {
namespace {

std::size_t previous_char(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (is_continuation(text[at]));
  return at;
}

CharProperties properties_at(std::string_view text, std::size_t at) {
  return properties_of(read_utf8(text, at).code_point);
}

bool is_single_word(std::string_view text, std::size_t begin, std::size_t end) {
  const bool word_before = begin > 0 && properties_at(text, previous_char(text, begin)).is_word();
  const bool word_after = end < text.size() && properties_at(text, end).is_word();
  return !word_before && !word_after;
}

// Where the white space before `at` begins, not looking before `limit`.
std::size_t space_begin(std::string_view text, std::size_t at, std::size_t limit) {
  while (at > limit) {
    const std::size_t previous = previous_char(text, at);
    if (properties_at(text, previous).char_class() != CharClass::kSpace) break;
    at = previous;
  }
  return at;
}

// Answers where the white space from some place on ends. Places ascend, so remembering the last
// answer keeps a run of white space from being read once for each token inside it.
class SpaceEnds {
 public:
  explicit SpaceEnds(std::string_view text) : text_(text) {}

  std::size_t from(std::size_t at) {
    if (at >= begin_ && at <= end_) return end_;
    begin_ = end_ = at;
    while (end_ < text_.size() && properties_at(text_, end_).char_class() == CharClass::kSpace) {
      end_ = read_utf8(text_, end_).end;
    }
    return end_;
  }

 private:
  std::string_view text_;
  std::size_t begin_ = 1, end_ = 0;  // nothing known yet
};

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    Range& range = first_bytes_[static_cast<unsigned char>(tokens_[i].content.front())];
    if (range.end == 0) range.begin = i;
    range.end = i + 1;
  }
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view sentence, std::size_t at) const {
  const Range range = first_bytes_[static_cast<unsigned char>(sentence[at])];
  auto low = tokens_.begin() + range.begin;
  auto high = tokens_.begin() + range.end;
  const AddedToken* longest = nullptr;
  // tokens [low, high) agree with the sentence in their first `depth` bytes.
  for (std::size_t depth = 1; low != high; ++depth) {
    if (low->content.size() == depth) longest = &*low++;
    if (at + depth == sentence.size()) break;
    const auto byte = static_cast<unsigned char>(sentence[at + depth]);
    const auto byte_of = [depth](const AddedToken& token) {
      return static_cast<unsigned char>(token.content[depth]);
    };
    low = std::partition_point(low, high, [&](const AddedToken& t) { return byte_of(t) < byte; });
    high = std::partition_point(low, high, [&](const AddedToken& t) { return byte_of(t) == byte; });
  }
  return longest;
}

std::vector<AddedTokenMatcher::Match> AddedTokenMatcher::find(std::string_view sentence) const {
  std::vector<Match> matches;
  if (tokens_.empty()) return matches;
  SpaceEnds space_ends(sentence);
  std::size_t taken = 0;  // the end of the last match
  for (std::size_t at = 0; at < sentence.size();) {
    const AddedToken* token = longest_at(sentence, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + token->content.size();
    at = end;
    if (token->single_word && !is_single_word(sentence, begin, end)) continue;
    if (token->lstrip) begin = std::max(space_begin(sentence, begin, taken), taken);
    if (token->rstrip) end = space_ends.from(end);
    if (begin >= end) continue;  // white space that the last match took whole
    matches.push_back({begin, end, token->id});
    taken = end;
  }
  return matches;
}

}  // namespace parapet
