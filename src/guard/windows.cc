#include "guard/windows.h"

#include <algorithm>

#include "base/utf8.h"

namespace parapet {
namespace {

// The shortest number of windows' worth of text that two neighbours share: an eighth.
constexpr std::size_t kOverlapShare = 8;

// The nearest border between characters at or before `at`. Bytes that are no UTF-8 at all are cut
// anywhere.
std::size_t border_before(std::string_view text, std::size_t at) {
  for (std::size_t i = at; i + 4 > at; --i) {
    if (i == 0 || i >= text.size() || !is_continuation(text[i])) return i;
  }
  return at;
}

// The largest length in [0, most] whose piece fits; fits(0) is taken for granted.
template <class PieceFits>
std::size_t longest_length(std::size_t most, const PieceFits& piece_fits) {
  std::size_t fitting = 0;
  std::size_t failing = most + 1;
  while (failing - fitting > 1) {
    const std::size_t middle = fitting + (failing - fitting) / 2;
    (piece_fits(middle) ? fitting : failing) = middle;
  }
  return fitting;
}

}  // namespace

std::vector<std::string_view> overlapping_windows(std::string_view text, const Fits& fits) {
  std::vector<std::string_view> windows;
  std::size_t begin = 0;
  while (true) {
    const std::string_view rest = text.substr(begin);
    const std::size_t length =
        longest_length(rest.size(), [&](std::size_t count) { return fits(rest.substr(0, count)); });
    const std::size_t end =
        length == rest.size() ? text.size() : border_before(text, begin + length);
    if (end <= begin && !rest.empty()) return {};
    windows.push_back(text.substr(begin, end - begin));
    if (end == text.size()) return windows;
    const std::size_t next = border_before(text, end - (end - begin) / kOverlapShare);
    begin = next > begin ? next : end;
  }
}

std::string_view longest_end(std::string_view text, const Fits& fits) {
  const std::size_t length = longest_length(
      text.size(), [&](std::size_t count) { return fits(text.substr(text.size() - count)); });
  std::size_t begin = text.size() - length;
  while (begin < text.size() && is_continuation(text[begin])) ++begin;
  return text.substr(begin);
}

}  // namespace parapet
