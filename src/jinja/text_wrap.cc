#include "jinja/text_wrap.h"

#include <algorithm>

#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace parapet::jinja {
namespace {

bool is_wrap_space(char c) {  // textwrap knows only these
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// A line may break after a hyphen between letters: "well-known" but not "-1" or "a--b".
bool breaks_after(const std::vector<OriginText>& letters, std::size_t i) {
  const auto letter_at = [&](std::size_t at) {
    if (at >= letters.size()) return false;
    const char32_t c = decode_code_point(letters[at].text(), 0).value;
    return is_alpha(c) || c == '_';
  };
  return letters[i].text() == "-" && i >= 2 && letter_at(i - 1) && letter_at(i - 2) &&
         letter_at(i + 1) &&
         (letter_at(i + 2) || (i + 2 < letters.size() && letters[i + 2].text() == "-"));
}

struct Chunk {
  OriginText text;
  std::size_t width = 0;
  bool is_space = false;
};

// Words (or parts of them up to a hyphen) and the spaces between.
std::vector<Chunk> chunks_of(const OriginText& line, bool break_on_hyphens) {
  const std::vector<OriginText> letters = characters(line);
  std::vector<Chunk> chunks;
  bool ended = true;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const bool space = is_wrap_space(letters[i].text()[0]);
    if (ended || chunks.back().is_space != space) chunks.push_back({{}, 0, space});
    // White space of any kind prints as a blank.
    chunks.back().text.append(space ? OriginText(" ", letters[i].runs()[0].origin) : letters[i]);
    ++chunks.back().width;
    ended = !space && break_on_hyphens && breaks_after(letters, i);
  }
  return chunks;
}

// Cuts `chunk` after `width` code points and gives the front.
Chunk cut_front(Chunk& chunk, std::size_t width) {
  const std::size_t bytes = byte_of_code_point(chunk.text.text(), width);
  Chunk front{chunk.text.substr(0, bytes), width, false};
  chunk.text = chunk.text.substr(bytes);
  chunk.width -= width;
  return front;
}

}  // namespace

std::vector<OriginText> wrap_line(const OriginText& line, const WrapOptions& options) {
  std::vector<Chunk> chunks = chunks_of(line, options.break_on_hyphens);
  std::vector<OriginText> lines;
  std::size_t at = 0;
  while (at < chunks.size()) {
    if (chunks[at].is_space && !lines.empty()) {
      ++at;
      if (at >= chunks.size()) break;
    }
    std::vector<Chunk> current;
    std::size_t width = 0;
    while (at < chunks.size() && width + chunks[at].width <= options.width) {
      width += chunks[at].width;
      current.push_back(chunks[at++]);
    }
    if (at < chunks.size() && chunks[at].width > options.width) {
      if (options.break_long_words) {
        const std::size_t room = std::max<std::size_t>(options.width - width, width == 0 ? 1 : 0);
        if (room > 0) current.push_back(cut_front(chunks[at], room));
      } else if (current.empty()) {
        current.push_back(chunks[at++]);
      }
    }
    if (!current.empty() && current.back().is_space) current.pop_back();
    OriginText text;
    for (const Chunk& chunk : current) text.append(chunk.text);
    if (!current.empty()) lines.push_back(std::move(text));
  }
  return lines;
}

}  // namespace parapet::jinja
