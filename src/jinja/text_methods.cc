#include "jinja/text_methods.h"

#include <algorithm>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/methods.h"
#include "jinja/operators.h"
#include "jinja/printing.h"
#include "jinja/python_format.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

const Text& self_text(const MethodCall& call) { return *call.self.as_text(); }

Value like_self(const MethodCall& call, OriginText text) {
  return Value::text(std::move(text), self_text(call).markup);
}

// Text arguments of a Markup method that end up in the result are escaped first.
OriginText escaped_for(const MethodCall& call, const Text& argument) {
  return self_text(call).markup && !argument.markup ? escape_markup(argument.text) : argument.text;
}

template <OriginText (*kMap)(const OriginText&)>
Result<Value> mapped(const MethodCall& call) {
  PARAPET_TRY(call.runtime.spend(3 * self_text(call).text.size()));
  return like_self(call, kMap(self_text(call).text));
}

OriginText swap_case(const OriginText& text) {
  return map_code_points(text, [](std::string& out, char32_t c, std::size_t) {
    append_cased(out, c, is_upper(c) ? LetterCase::kLower : LetterCase::kUpper);
  });
}

template <StripSide kSide>
Result<Value> strip(const MethodCall& call) {
  return strip_text(call.runtime, self_text(call), call.arguments[0], kSide);
}

Result<std::size_t> split_limit(const MethodCall& call) {
  PARAPET_ASSIGN(const std::int64_t limit, call.arguments.integer(1, -1));
  return limit < 0 ? SIZE_MAX : static_cast<std::size_t>(limit);
}

Result<Value> list_like_self(const MethodCall& call, std::vector<OriginText> parts) {
  PARAPET_TRY(call.runtime.spend(parts.size() * (sizeof(Value) + sizeof(Text))));
  std::vector<Value> items;
  items.reserve(parts.size());
  for (OriginText& part : parts) items.push_back(like_self(call, std::move(part)));
  return make_list(std::move(items));
}

// Runs of white space part the words; what is left after `limit` splits stays whole.
std::vector<OriginText> split_words(const OriginText& text, std::size_t limit) {
  std::vector<OriginText> words;
  OriginText rest = strip_left(text, is_space);
  std::size_t begin = text.size() - rest.size();
  const std::string& bytes = text.text();
  while (begin < bytes.size() && words.size() < limit) {
    std::size_t end = begin;
    while (end < bytes.size()) {
      const CodePoint c = decode_code_point(bytes, end);
      if (is_space(c.value)) break;
      end += c.length;
    }
    words.push_back(text.substr(begin, end - begin));
    begin = end;
    while (begin < bytes.size()) {
      const CodePoint c = decode_code_point(bytes, begin);
      if (!is_space(c.value)) break;
      begin += c.length;
    }
  }
  if (begin < bytes.size()) words.push_back(text.substr(begin));
  return words;
}

std::size_t code_point_before(const std::string& bytes, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(bytes[start]) & 0xc0U) == 0x80U) --start;
  return start;
}

std::vector<OriginText> rsplit_words(const OriginText& text, std::size_t limit) {
  std::vector<OriginText> words;
  const std::string& bytes = text.text();
  std::size_t end = strip_right(text, is_space).size();
  while (end > 0 && words.size() < limit) {
    std::size_t begin = end;
    while (begin > 0) {
      const std::size_t start = code_point_before(bytes, begin);
      if (is_space(decode_code_point(bytes, start).value)) break;
      begin = start;
    }
    words.push_back(text.substr(begin, end - begin));
    end = strip_right(text.substr(0, begin), is_space).size();
  }
  if (end > 0) words.push_back(text.substr(0, end));
  std::reverse(words.begin(), words.end());
  return words;
}

std::vector<OriginText> split_at(const OriginText& text, const std::vector<std::size_t>& places,
                                 std::size_t length) {
  std::vector<OriginText> parts;
  std::size_t begin = 0;
  for (const std::size_t place : places) {
    parts.push_back(text.substr(begin, place - begin));
    begin = place + length;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::size_t> rfind_all(const std::string& text, const std::string& needle,
                                   std::size_t limit) {
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  std::vector<std::size_t> places = find_all(reversed_text, reversed_needle, limit);
  std::reverse(places.begin(), places.end());
  for (std::size_t& place : places) place = text.size() - place - needle.size();
  return places;
}

enum class Direction : bool { kForward, kBackward };

template <Direction kDirection>
Result<Value> split(const MethodCall& call) {
  const OriginText& text = self_text(call).text;
  // Rescanning for white space costs at most one more pass per word.
  PARAPET_TRY(call.runtime.spend(4 * text.size()));
  PARAPET_ASSIGN(const std::size_t limit, split_limit(call));
  constexpr bool kForward = kDirection == Direction::kForward;
  if (call.arguments[0].is_none()) {
    return list_like_self(call, kForward ? split_words(text, limit) : rsplit_words(text, limit));
  }
  PARAPET_ASSIGN(const OriginText separator, call.arguments.text(0, ""));
  if (separator.empty()) return call.runtime.error("split(): the separator is empty");
  const auto places = kForward ? find_all(text.text(), separator.text(), limit)
                               : rfind_all(text.text(), separator.text(), limit);
  return list_like_self(call, split_at(text, places, separator.size()));
}

Result<Value> split_into_lines(const MethodCall& call) {
  PARAPET_TRY(call.runtime.spend(2 * self_text(call).text.size()));
  return list_like_self(call, split_lines(self_text(call).text, call.arguments.truth(0, false)));
}

template <Direction kDirection>
Result<Value> partition(const MethodCall& call) {
  const OriginText& text = self_text(call).text;
  PARAPET_TRY(call.runtime.spend(2 * text.size()));
  PARAPET_ASSIGN(const OriginText separator, call.arguments.text(0, ""));
  if (separator.empty()) return call.runtime.error("partition(): the separator is empty");
  constexpr bool kForward = kDirection == Direction::kForward;
  const std::size_t place = kForward ? find_text(text.text(), separator.text())
                                     : rfind_text(text.text(), separator.text());
  OriginText before = kForward ? text : OriginText();
  OriginText middle;
  OriginText after = kForward ? OriginText() : text;
  if (place != std::string::npos) {
    before = text.substr(0, place);
    middle = text.substr(place, separator.size());
    after = text.substr(place + separator.size());
  }
  return make_tuple({like_self(call, before), like_self(call, middle), like_self(call, after)});
}

Result<Value> replace(const MethodCall& call) {
  PARAPET_ASSIGN(const OriginText from, call.arguments.text(0, ""));
  if (!call.arguments[1].is_text()) return call.arguments.wrong_type(1, "a string");
  PARAPET_ASSIGN(const std::int64_t count, call.arguments.integer(2, -1));
  PARAPET_ASSIGN(OriginText replaced,
                 replace_text(call.runtime, self_text(call).text, from,
                              escaped_for(call, *call.arguments[1].as_text()), count));
  return like_self(call, std::move(replaced));
}

Result<Value> join_items(const MethodCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.arguments[0]));
  if (call.arguments[0].is_undefined()) {
    return call.runtime.error(call.arguments[0].as_undefined()->problem);
  }
  OriginText joined;
  for (std::size_t i = 0; i < items.size(); ++i) {
    OriginText part;
    if (const Text* text = items[i].as_text()) {
      part = escaped_for(call, *text);
    } else if (self_text(call).markup) {
      PARAPET_ASSIGN(const OriginText printed, to_text(call.runtime, items[i]));
      part = escape_markup(printed);
    } else {
      return call.runtime.error("join(): item " + std::to_string(i) + " is '" +
                                std::string(items[i].type_name()) + "', expected a string");
    }
    PARAPET_TRY(call.runtime.spend(part.size() + self_text(call).text.size()));
    if (i > 0) joined.append(self_text(call).text);
    joined.append(part);
  }
  return like_self(call, std::move(joined));
}

template <Padding kPadding>
Result<Value> pad(const MethodCall& call) {
  PARAPET_ASSIGN(const std::int64_t width, call.arguments.integer(0, 0));
  PARAPET_ASSIGN(const OriginText fill, call.arguments.text(1, " "));
  if (count_code_points(fill.text()) != 1) {
    return call.runtime.error("the fill character must be exactly one character long");
  }
  PARAPET_ASSIGN(OriginText padded,
                 pad_text(call.runtime, self_text(call).text, width, kPadding, fill));
  return like_self(call, std::move(padded));
}

Result<Value> zero_fill(const MethodCall& call) {
  const OriginText& text = self_text(call).text;
  PARAPET_ASSIGN(const std::int64_t width, call.arguments.integer(0, 0));
  const bool has_sign = !text.empty() && (text.text()[0] == '-' || text.text()[0] == '+');
  const std::size_t sign = has_sign ? 1 : 0;
  PARAPET_ASSIGN(const OriginText digits,
                 pad_text(call.runtime, text.substr(sign), width - static_cast<std::int64_t>(sign),
                          Padding::kLeft, OriginText("0", Origin::kTemplate)));
  return like_self(call, concat(text.substr(0, sign), digits));
}

Result<Value> remove_prefix(const MethodCall& call) {
  const OriginText& text = self_text(call).text;
  PARAPET_ASSIGN(const OriginText prefix, call.arguments.text(0, ""));
  PARAPET_TRY(call.runtime.spend(text.size()));
  const bool has = text.text().starts_with(prefix.text());
  return like_self(call, has ? text.substr(prefix.size()) : text);
}

Result<Value> remove_suffix(const MethodCall& call) {
  const OriginText& text = self_text(call).text;
  PARAPET_ASSIGN(const OriginText suffix, call.arguments.text(0, ""));
  PARAPET_TRY(call.runtime.spend(text.size()));
  const bool has = text.text().ends_with(suffix.text());
  return like_self(call, has ? text.substr(0, text.size() - suffix.size()) : text);
}

Result<Value> expand_tabs(const MethodCall& call) {
  PARAPET_ASSIGN(const std::int64_t size, call.arguments.integer(0, 8));
  OriginText out;
  std::int64_t column = 0;
  for (const OriginText& character : characters(self_text(call).text)) {
    const char c = character.text()[0];
    if (c != '\t') {
      out.append(character);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
      continue;
    }
    const std::int64_t spaces = size <= 0 ? 0 : size - column % size;
    PARAPET_TRY(call.runtime.spend(static_cast<std::size_t>(spaces)));
    out.append(std::string(static_cast<std::size_t>(spaces), ' '), character.runs()[0].origin);
    column += spaces;
  }
  PARAPET_TRY(call.runtime.spend(self_text(call).text.size() * sizeof(OriginText)));
  return like_self(call, std::move(out));
}

Result<Value> format(const MethodCall& call) {
  return format_braces(call.runtime, self_text(call), call.given);
}

constexpr MethodEntry kMethods[] = {
    {"capitalize", 0, {}, mapped<capitalized>},
    {"center", 1, {"-", "-"}, pad<Padding::kBoth>},
    {"expandtabs", 0, {"tabsize"}, expand_tabs},
    {"format", MethodEntry::kVariadic, {}, format},
    {"join", 1, {"-"}, join_items},
    {"ljust", 1, {"-", "-"}, pad<Padding::kRight>},
    {"lower", 0, {}, mapped<to_lower>},
    {"lstrip", 0, {"-"}, strip<StripSide::kLeft>},
    {"partition", 1, {"-"}, partition<Direction::kForward>},
    {"removeprefix", 1, {"-"}, remove_prefix},
    {"removesuffix", 1, {"-"}, remove_suffix},
    {"replace", 2, {"-", "-", "-"}, replace},
    {"rjust", 1, {"-", "-"}, pad<Padding::kLeft>},
    {"rpartition", 1, {"-"}, partition<Direction::kBackward>},
    {"rsplit", 0, {"sep", "maxsplit"}, split<Direction::kBackward>},
    {"rstrip", 0, {"-"}, strip<StripSide::kRight>},
    {"split", 0, {"sep", "maxsplit"}, split<Direction::kForward>},
    {"splitlines", 0, {"keepends"}, split_into_lines},
    {"strip", 0, {"-"}, strip<StripSide::kBoth>},
    {"swapcase", 0, {}, mapped<swap_case>},
    {"title", 0, {}, mapped<titled>},
    {"upper", 0, {}, mapped<to_upper>},
    {"zfill", 1, {"-"}, zero_fill},
};

}  // namespace

std::span<const MethodEntry> text_methods() { return kMethods; }

Result<Value> strip_text(Runtime& runtime, const Text& text, const Value& chars, StripSide side) {
  PARAPET_TRY(runtime.spend(text.text.size()));
  CodePointTest test = is_space;
  std::u32string set;
  if (const Text* given = chars.as_text()) {
    for (std::size_t at = 0; at < given->text.size();) {
      const CodePoint c = decode_code_point(given->text.text(), at);
      set += c.value;
      at += c.length;
    }
    std::sort(set.begin(), set.end());
    test = [&set](char32_t c) { return std::binary_search(set.begin(), set.end(), c); };
  } else if (!chars.is_none()) {
    return runtime.error("strip(): the characters must be a string or None");
  }
  OriginText stripped = text.text;
  if (side != StripSide::kRight) stripped = strip_left(stripped, test);
  if (side != StripSide::kLeft) stripped = strip_right(stripped, test);
  return Value::text(std::move(stripped), text.markup);
}

Result<OriginText> replace_text(Runtime& runtime, const OriginText& text, const OriginText& from,
                                const OriginText& to, std::int64_t count) {
  const std::size_t limit = count < 0 ? SIZE_MAX : static_cast<std::size_t>(count);
  PARAPET_TRY(runtime.spend(2 * text.size()));
  const std::size_t cost = to.size() + to.runs().size() * sizeof(OriginText::Run);
  if (from.empty()) {
    const std::size_t places = std::min(count_code_points(text.text()) + 1, limit);
    PARAPET_TRY(runtime.spend(places * cost + text.size() * sizeof(OriginText)));
    return interleave(text, to, limit);
  }
  const std::vector<std::size_t> places = find_all(text.text(), from.text(), limit);
  PARAPET_TRY(runtime.spend(places.size() * (cost + sizeof(std::size_t))));
  return replace_at(text, places, from.size(), to);
}

Result<OriginText> pad_text(Runtime& runtime, const OriginText& text, std::int64_t width,
                            Padding padding, const OriginText& fill) {
  const auto size = static_cast<std::int64_t>(count_code_points(text.text()));
  if (width <= size) return text;
  const std::int64_t total = width - size;
  PARAPET_TRY(runtime.spend(static_cast<std::size_t>(total)));
  PARAPET_TRY(runtime.spend(static_cast<std::size_t>(total) * (fill.size() - 1)));
  // str.center puts the odd one to the left where the width is odd.
  const std::int64_t left = padding == Padding::kLeft    ? total
                            : padding == Padding::kRight ? 0
                                                         : total / 2 + (total & width & 1);
  OriginText padded;
  for (std::int64_t i = 0; i < left; ++i) padded.append(fill);
  padded.append(text);
  for (std::int64_t i = left; i < total; ++i) padded.append(fill);
  return padded;
}

std::vector<OriginText> split_lines(const OriginText& text, bool keep_ends) {
  std::vector<OriginText> lines;
  const std::string& bytes = text.text();
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = decode_code_point(bytes, at);
    std::size_t next = at + c.length;
    if (is_line_break(c.value)) {
      if (c.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
      lines.push_back(text.substr(begin, (keep_ends ? next : at) - begin));
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace parapet::jinja
