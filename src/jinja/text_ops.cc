#include "jinja/text_ops.h"

#include <algorithm>

#include "base/utf8.h"

namespace parapet::jinja {
namespace {

// Up to here the naive search costs at most this factor; beyond, Knuth-Morris-Pratt.
constexpr std::size_t kShortNeedle = 16;

std::vector<std::size_t> border_lengths(std::string_view needle) {
  std::vector<std::size_t> border(needle.size(), 0);
  for (std::size_t i = 1, matched = 0; i < needle.size(); ++i) {
    while (matched > 0 && needle[i] != needle[matched]) matched = border[matched - 1];
    if (needle[i] == needle[matched]) ++matched;
    border[i] = matched;
  }
  return border;
}

// Calls found(position) for each match without overlap until it answers false.
template <class Found>
void search(std::string_view text, std::string_view needle, std::size_t from, Found found) {
  if (needle.size() <= kShortNeedle) {
    for (std::size_t at = text.find(needle, from); at != std::string_view::npos;
         at = text.find(needle, at + needle.size())) {
      if (!found(at) || needle.empty()) return;
    }
    return;
  }
  const std::vector<std::size_t> border = border_lengths(needle);
  for (std::size_t i = from, matched = 0; i < text.size(); ++i) {
    while (matched > 0 && text[i] != needle[matched]) matched = border[matched - 1];
    if (text[i] == needle[matched]) ++matched;
    if (matched == needle.size()) {
      if (!found(i + 1 - matched)) return;
      matched = 0;
    }
  }
}

// Greek sigma at the end of a word has its own small letter.
bool is_final_sigma(std::string_view text, std::size_t at) {
  bool letter_before = false;
  for (std::size_t i = at; i > 0;) {
    do {
      --i;
    } while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80U);
    const char32_t c = decode_code_point(text, i).value;
    if (is_case_ignorable(c)) continue;
    letter_before = is_cased(c);
    break;
  }
  if (!letter_before) return false;
  for (std::size_t i = at + 2; i < text.size();) {
    const CodePoint next = decode_code_point(text, i);
    i += next.length;
    if (is_case_ignorable(next.value)) continue;
    return !is_cased(next.value);
  }
  return true;
}

void append_lower(std::string& out, std::string_view text, char32_t c, std::size_t at) {
  constexpr char32_t kCapitalSigma = 0x3a3;
  if (c == kCapitalSigma) return append_utf8(is_final_sigma(text, at) ? 0x3c2 : 0x3c3, out);
  append_cased(out, c, LetterCase::kLower);
}

}  // namespace

std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from) {
  std::size_t position = std::string_view::npos;
  search(text, needle, from, [&](std::size_t at) {
    position = at;
    return false;
  });
  return position;
}

std::size_t rfind_text(std::string_view text, std::string_view needle) {
  if (needle.size() <= kShortNeedle) return text.rfind(needle);
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const std::size_t at = find_text(reversed_text, reversed_needle);
  return at == std::string_view::npos ? at : text.size() - at - needle.size();
}

std::vector<std::size_t> find_all(std::string_view text, std::string_view needle,
                                  std::size_t limit) {
  std::vector<std::size_t> places;
  if (limit == 0) return places;
  search(text, needle, 0, [&](std::size_t at) {
    places.push_back(at);
    return places.size() < limit;
  });
  return places;
}

OriginText concat(const OriginText& left, const OriginText& right) {
  OriginText both = left;
  both.append(right);
  return both;
}

OriginText join(std::span<const OriginText> parts, const OriginText& separator) {
  OriginText joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined.append(separator);
    joined.append(parts[i]);
  }
  return joined;
}

OriginText replace_at(const OriginText& text, std::span<const std::size_t> places,
                      std::size_t length, const OriginText& replacement) {
  OriginText replaced;
  std::size_t begin = 0;
  for (const std::size_t place : places) {
    replaced.append(text.substr(begin, place - begin));
    replaced.append(replacement);
    begin = place + length;
  }
  replaced.append(text.substr(begin));
  return replaced;
}

OriginText interleave(const OriginText& text, const OriginText& separator, std::size_t limit) {
  OriginText result;
  for (const OriginText& character : characters(text)) {
    if (limit > 0) {
      result.append(separator);
      --limit;
    }
    result.append(character);
  }
  if (limit > 0) result.append(separator);
  return result;
}

OriginText strip_left(const OriginText& text, const CodePointTest& strip) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const CodePoint next = decode_code_point(text.text(), begin);
    if (!strip(next.value)) break;
    begin += next.length;
  }
  return text.substr(begin);
}

OriginText strip_right(const OriginText& text, const CodePointTest& strip) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t start = end - 1;
    while (start > 0 && (static_cast<unsigned char>(text.text()[start]) & 0xc0U) == 0x80U) --start;
    if (!strip(decode_code_point(text.text(), start).value)) break;
    end = start;
  }
  return text.substr(0, end);
}

std::vector<OriginText> characters(const OriginText& text) {
  std::vector<OriginText> parts;
  const std::string_view bytes = text.text();
  auto run = text.runs().begin();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = decode_code_point(bytes, at).length;
    while (run->end <= at) ++run;
    // A code point cut by a run's end cannot come from valid texts; substr keeps even that.
    parts.push_back(run->end >= at + length ? OriginText(bytes.substr(at, length), run->origin)
                                            : text.substr(at, length));
    at += length;
  }
  return parts;
}

OriginText map_code_points(const OriginText& text, const CodePointMap& map) {
  OriginText mapped;
  std::string piece;
  std::size_t at = 0;
  for (const OriginText::Run& run : text.runs()) {
    piece.clear();
    while (at < run.end) {
      const CodePoint next = decode_code_point(text.text(), at);
      map(piece, next.value, at);
      at += next.length;
    }
    mapped.append(piece, run.origin);
  }
  return mapped;
}

OriginText to_upper(const OriginText& text) {
  return map_code_points(text, [](std::string& out, char32_t c, std::size_t) {
    append_cased(out, c, LetterCase::kUpper);
  });
}

OriginText to_lower(const OriginText& text) {
  return map_code_points(text, [&](std::string& out, char32_t c, std::size_t at) {
    append_lower(out, text.text(), c, at);
  });
}

OriginText capitalized(const OriginText& text) {
  return map_code_points(text, [&](std::string& out, char32_t c, std::size_t at) {
    if (at == 0) return append_cased(out, c, LetterCase::kTitle);
    append_lower(out, text.text(), c, at);
  });
}

OriginText titled(const OriginText& text) {
  bool in_word = false;
  return map_code_points(text, [&](std::string& out, char32_t c, std::size_t at) {
    if (in_word) {
      append_lower(out, text.text(), c, at);
    } else {
      append_cased(out, c, LetterCase::kTitle);
    }
    in_word = is_cased(c);
  });
}

Origin origin_of(const OriginText& text) {
  return text.all_template(0, text.size()) ? Origin::kTemplate : Origin::kMessage;
}

OriginText with_origin(std::string_view text, Origin origin) { return {text, origin}; }

}  // namespace parapet::jinja
