// Filters on text.
#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/printing.h"
#include "jinja/python_format.h"
#include "jinja/text_methods.h"
#include "jinja/text_ops.h"
#include "jinja/text_wrap.h"
#include "jinja/tojson.h"

namespace parapet::jinja {
namespace {

// Filters that are a method of the value's text: upper, lower, ...
template <OriginText (*kMethod)(const OriginText&)>
Result<Value> map_text(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  PARAPET_TRY(call.runtime.spend(3 * text.text.size()));
  return Value::text(kMethod(text.text), text.markup);
}

// |title differs from str.title(): only spaces, hyphens and opening brackets part words.
OriginText title_words(const OriginText& text) {
  bool in_word = false;
  return map_code_points(text, [&](std::string& out, char32_t c, std::size_t) {
    const bool parts = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    append_cased(out, c, in_word || parts ? LetterCase::kLower : LetterCase::kUpper);
    in_word = !parts;
  });
}

Result<Value> to_string(const FilterCall& call) {
  PARAPET_ASSIGN(Text text, soft_text(call.runtime, call.value));
  return Value::text(std::move(text.text), text.markup);
}

Result<Value> mark_safe(const FilterCall& call) {
  PARAPET_ASSIGN(Text text, soft_text(call.runtime, call.value));
  return Value::text(std::move(text.text), true);
}

Result<Value> force_escape(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  PARAPET_TRY(call.runtime.spend(5 * text.text.size()));
  return Value::text(escape_markup(text.text), true);
}

Result<Value> escape(const FilterCall& call) {
  if (call.value.is_text() && call.value.as_text()->markup) return call.value;
  return force_escape(call);
}

Result<Value> trim(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  return strip_text(call.runtime, text, call.arguments[0], StripSide::kBoth);
}

Result<Value> replace(const FilterCall& call) {
  PARAPET_ASSIGN(const OriginText text, to_text(call.runtime, call.value));
  PARAPET_ASSIGN(const OriginText from, to_text(call.runtime, call.arguments[0]));
  PARAPET_ASSIGN(const OriginText to, to_text(call.runtime, call.arguments[1]));
  std::int64_t count = -1;
  if (!call.arguments[2].is_none()) {
    PARAPET_ASSIGN(count, call.arguments.integer(2, -1));
  }
  PARAPET_ASSIGN(OriginText replaced, replace_text(call.runtime, text, from, to, count));
  return Value::text(std::move(replaced));
}

Result<Value> join_items(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, call.arguments[1]));
  OriginText separator;
  if (call.arguments.has(0)) {
    PARAPET_ASSIGN(separator, to_text(call.runtime, call.arguments[0]));
  }
  OriginText joined;
  for (std::size_t i = 0; i < items.size(); ++i) {
    PARAPET_ASSIGN(const Value item, getter.get(call.runtime, items[i]));
    PARAPET_ASSIGN(const OriginText text, to_text(call.runtime, item));
    PARAPET_TRY(call.runtime.spend(text.size() + separator.size()));
    if (i > 0) joined.append(separator);
    joined.append(text);
  }
  return Value::text(std::move(joined));
}

Result<Value> center(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  PARAPET_ASSIGN(const std::int64_t width, call.arguments.integer(0, 80));
  PARAPET_ASSIGN(OriginText padded, pad_text(call.runtime, text.text, width, Padding::kBoth,
                                             OriginText(" ", Origin::kTemplate)));
  return Value::text(std::move(padded), text.markup);
}

// The indentation as text: a number of spaces, or the string itself.
Result<OriginText> indentation(const FilterCall& call) {
  if (call.arguments[0].is_text()) return call.arguments[0].as_text()->text;
  PARAPET_ASSIGN(const std::int64_t width, call.arguments.integer(0, 4));
  const auto spaces = static_cast<std::size_t>(std::max<std::int64_t>(width, 0));
  PARAPET_TRY(call.runtime.spend(spaces));
  return OriginText(std::string(spaces, ' '), Origin::kTemplate);
}

Result<Value> indent(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  PARAPET_ASSIGN(const OriginText indent_text, indentation(call));
  const bool first = call.arguments.truth(1, false);
  const bool blank = call.arguments.truth(2, false);
  OriginText whole = text.text;
  whole.append("\n", Origin::kTemplate);  // as Jinja does: a text that ends in a newline keeps it
  const std::vector<OriginText> lines = split_lines(whole, /*keep_ends=*/false);
  OriginText out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    PARAPET_TRY(call.runtime.spend(lines[i].size() + indent_text.size() + 1));
    if (i > 0) out.append("\n", Origin::kTemplate);
    const bool indented = i == 0 ? first : blank || !lines[i].empty();
    if (indented) out.append(indent_text);
    out.append(lines[i]);
  }
  return Value::text(std::move(out), text.markup);
}

Result<Value> word_count(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  std::int64_t words = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.text.size();) {
    const CodePoint c = decode_code_point(text.text.text(), at);
    at += c.length;
    const bool is_word_now = is_word(c.value);
    if (is_word_now && !in_word) ++words;
    in_word = is_word_now;
  }
  return Value::integer(words);
}

Result<Value> format(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  if (!call.given.positional.empty() && !call.given.named.empty()) {
    return call.runtime.error("format: positional and keyword arguments cannot be mixed");
  }
  if (call.given.named.empty()) {
    return format_percent(call.runtime, text, make_tuple(call.given.positional));
  }
  Dict named;
  for (const auto& [name, value] : call.given.named) named.set_text(name, value);
  return format_percent(call.runtime, text, Value::of(std::move(named)));
}

Result<Value> truncate(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  PARAPET_ASSIGN(const std::int64_t length, call.arguments.integer(0, 255));
  PARAPET_ASSIGN(const OriginText end, call.arguments.text(2, "..."));
  const bool kill_words = call.arguments.truth(1, false);
  std::int64_t leeway = 5;
  if (!call.arguments[3].is_none()) {
    PARAPET_ASSIGN(leeway, call.arguments.integer(3, 5));
  }
  const auto end_size = static_cast<std::int64_t>(count_code_points(end.text()));
  const auto size = static_cast<std::int64_t>(count_code_points(text.text.text()));
  if (length < end_size || leeway < 0) {
    return call.runtime.error("truncate: expected length >= " + std::to_string(end_size) +
                              " and leeway >= 0");
  }
  if (size <= length || size - length <= leeway) return Value::text(text.text, text.markup);
  const auto kept = static_cast<std::size_t>(length - end_size);
  OriginText cut = text.text.substr(0, byte_of_code_point(text.text.text(), kept));
  const std::size_t last_space = cut.text().rfind(' ');
  if (!kill_words && last_space != std::string::npos) cut = cut.substr(0, last_space);
  cut.append(end);
  return Value::text(std::move(cut), text.markup);
}

enum class UrlPart : bool { kPath, kQuery };

Result<OriginText> quote_url(Runtime& runtime, const Value& value, UrlPart part) {
  PARAPET_ASSIGN(const OriginText text, to_text(runtime, value));
  PARAPET_TRY(runtime.spend(3 * text.size()));
  return map_code_points(text, [&](std::string& out, char32_t c, std::size_t) {
    const bool plain = c < 0x80 && (is_alnum(c) || c == '_' || c == '.' || c == '-' || c == '~' ||
                                    (part == UrlPart::kPath && c == '/'));
    if (part == UrlPart::kQuery && c == ' ') {
      out += '+';
      return;
    }
    std::string bytes;
    append_utf8(c, bytes);
    if (plain) {
      out += bytes;
      return;
    }
    for (const char byte : bytes) {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(byte));
      out += escaped;
    }
  });
}

// Pairs of a dict or list as a query string; anything else quoted.
Result<Value> url_encode(const FilterCall& call) {
  const bool is_query = call.value.is_dict() || call.value.is_sequence();
  if (!is_query) {
    PARAPET_ASSIGN(OriginText quoted, quote_url(call.runtime, call.value, UrlPart::kPath));
    return Value::text(std::move(quoted));
  }
  std::vector<Value> pairs;
  if (const Dict* dict = call.value.as_dict()) {
    for (const auto& entry : dict->entries) pairs.push_back(make_tuple({entry.key, entry.value}));
  } else {
    PARAPET_ASSIGN(pairs, iterate(call.runtime, call.value));
  }
  OriginText query;
  for (const Value& pair : pairs) {
    PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, pair));
    if (items.size() != 2) return call.runtime.error("urlencode: expected pairs");
    PARAPET_ASSIGN(OriginText key, quote_url(call.runtime, items[0], UrlPart::kQuery));
    PARAPET_ASSIGN(const OriginText value, quote_url(call.runtime, items[1], UrlPart::kQuery));
    if (!query.empty()) query.append("&", Origin::kTemplate);
    key.append("=", Origin::kTemplate);
    key.append(value);
    query.append(key);
  }
  return Value::text(std::move(query));
}

Result<Value> word_wrap(const FilterCall& call) {
  PARAPET_ASSIGN(const Text text, soft_text(call.runtime, call.value));
  WrapOptions options;
  PARAPET_ASSIGN(const std::int64_t width, call.arguments.integer(0, 79));
  if (width <= 0) return call.runtime.error("wordwrap: width must be positive");
  options.width = static_cast<std::size_t>(width);
  options.break_long_words = call.arguments.truth(1, true);
  options.break_on_hyphens = call.arguments.truth(3, true);
  OriginText separator("\n", Origin::kTemplate);
  if (is_true(call.arguments[2])) {
    PARAPET_ASSIGN(separator, call.arguments.text(2, "\n"));
  }
  PARAPET_TRY(call.runtime.spend(sizeof(OriginText) * text.text.size()));
  OriginText out;
  bool first = true;
  for (const OriginText& line : split_lines(text.text, /*keep_ends=*/false)) {
    if (!first) out.append(separator);
    first = false;
    const std::vector<OriginText> wrapped = wrap_line(line, options);
    PARAPET_TRY(call.runtime.spend(line.size() + wrapped.size() * separator.size()));
    out.append(join(wrapped, separator));
  }
  return Value::text(std::move(out));
}

Result<Value> to_json(const FilterCall& call) {
  JsonStyle style;
  style.ensure_ascii = call.arguments.truth(0, false);
  style.sort_keys = call.arguments.truth(3, false);
  PARAPET_TRY(style.set_indent(call.runtime, call.arguments[1]));
  PARAPET_TRY(style.set_separators(call.runtime, call.arguments[2]));
  PARAPET_ASSIGN(OriginText json, dump_json(call.runtime, call.value, style));
  return Value::text(std::move(json));
}

constexpr FilterEntry kFilters[] = {
    {"capitalize", 0, {}, map_text<capitalized>},
    {"center", 0, {"width"}, center},
    {"e", 0, {}, escape},
    {"escape", 0, {}, escape},
    {"forceescape", 0, {}, force_escape},
    {"format", FilterEntry::kVariadic, {}, format},
    {"indent", 0, {"width", "first", "blank"}, indent},
    {"join", 0, {"d", "attribute"}, join_items},
    {"lower", 0, {}, map_text<to_lower>},
    {"replace", 2, {"old", "new", "count"}, replace},
    {"safe", 0, {}, mark_safe},
    {"string", 0, {}, to_string},
    {"title", 0, {}, map_text<title_words>},
    {"tojson", 0, {"ensure_ascii", "indent", "separators", "sort_keys"}, to_json},
    {"trim", 0, {"chars"}, trim},
    {"truncate", 0, {"length", "killwords", "end", "leeway"}, truncate},
    {"upper", 0, {}, map_text<to_upper>},
    {"urlencode", 0, {}, url_encode},
    {"wordcount", 0, {}, word_count},
    {"wordwrap", 0, {"width", "break_long_words", "wrapstring", "break_on_hyphens"}, word_wrap},
};

}  // namespace

std::span<const FilterEntry> text_filters() { return kFilters; }

}  // namespace parapet::jinja
