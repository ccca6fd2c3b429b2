// String methods that answer a question: find, count, startswith, isdigit, ...
#include <algorithm>

#include "base/check.h"
#include "jinja/methods.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

const std::string& self_bytes(const MethodCall& call) { return call.self.as_text()->text.text(); }

struct Range {
  std::size_t begin;  // bytes
  std::size_t end;
  bool valid;  // a start past the end finds nothing, not even ""
};

// Start and stop, by code point, of find(sub, start, stop) and its kin.
Result<Range> search_range(const MethodCall& call) {
  const std::string& bytes = self_bytes(call);
  PARAPET_TRY(call.runtime.spend(2 * bytes.size()));
  const auto size = static_cast<std::int64_t>(count_code_points(bytes));
  const auto bound = [&](std::size_t i, std::int64_t fallback) -> Result<std::int64_t> {
    if (call.arguments[i].is_none()) return fallback;
    PARAPET_ASSIGN(const std::int64_t given, call.arguments.integer(i, fallback));
    if (given >= 0) return given;
    return given < -size ? 0 : given + size;
  };
  PARAPET_ASSIGN(const std::int64_t start, bound(1, 0));
  PARAPET_ASSIGN(const std::int64_t stop, bound(2, size));
  const std::int64_t end = std::min(stop, size);
  if (start > end) return Range{0, 0, false};
  return Range{byte_of_code_point(bytes, static_cast<std::size_t>(start)),
               byte_of_code_point(bytes, static_cast<std::size_t>(end)), true};
}

Result<std::string_view> needle_of(const MethodCall& call) {
  if (const Text* text =
          call.given.positional.empty() ? nullptr : call.given.positional[0].as_text()) {
    return std::string_view(text->text.text());
  }
  return call.runtime.error("the argument must be a string");
}

// -1 where it is not found.
Result<std::int64_t> find_position(const MethodCall& call, bool from_right) {
  PARAPET_ASSIGN(const std::string_view needle, needle_of(call));
  PARAPET_ASSIGN(const Range range, search_range(call));
  if (!range.valid) return -1;
  const std::string_view bytes = self_bytes(call);
  const std::string_view part = bytes.substr(range.begin, range.end - range.begin);
  const std::size_t place = from_right ? rfind_text(part, needle) : find_text(part, needle);
  if (place == std::string_view::npos) return -1;
  return static_cast<std::int64_t>(count_code_points(bytes.substr(0, range.begin + place)));
}

template <bool kFromRight>
Result<Value> find(const MethodCall& call) {
  PARAPET_ASSIGN(const std::int64_t position, find_position(call, kFromRight));
  return Value::integer(position);
}

template <bool kFromRight>
Result<Value> index(const MethodCall& call) {
  PARAPET_ASSIGN(const std::int64_t position, find_position(call, kFromRight));
  if (position < 0) return call.runtime.error("index(): substring not found");
  return Value::integer(position);
}

Result<Value> count(const MethodCall& call) {
  PARAPET_ASSIGN(const std::string_view needle, needle_of(call));
  PARAPET_ASSIGN(const Range range, search_range(call));
  if (!range.valid) return Value::integer(0);
  const auto part = std::string_view(self_bytes(call)).substr(range.begin, range.end - range.begin);
  if (needle.empty()) {
    return Value::integer(static_cast<std::int64_t>(count_code_points(part)) + 1);
  }
  PARAPET_TRY(call.runtime.spend(part.size() / needle.size() * sizeof(std::size_t)));
  return Value::integer(static_cast<std::int64_t>(find_all(part, needle, SIZE_MAX).size()));
}

// startswith and endswith take one string or a tuple of them.
template <bool kAtEnd>
Result<Value> has_affix(const MethodCall& call) {
  PARAPET_ASSIGN(const Range range, search_range(call));
  const auto part = std::string_view(self_bytes(call)).substr(range.begin, range.end - range.begin);
  const auto matches = [&](std::string_view affix) {
    return range.valid && (kAtEnd ? part.ends_with(affix) : part.starts_with(affix));
  };
  const Value affixes = call.arguments[0];
  if (const Text* text = affixes.as_text()) return Value::boolean(matches(text->text.text()));
  const Sequence* tuple = affixes.as_sequence();
  if (tuple == nullptr || !tuple->is_tuple()) {
    return call.arguments.wrong_type(0, "a string or a tuple of strings");
  }
  for (const Value& affix : tuple->items) {
    PARAPET_TRY(call.runtime.step());
    const Text* text = affix.as_text();
    if (text == nullptr) return call.runtime.error("the tuple must hold only strings");
    if (matches(text->text.text())) return Value::boolean(true);
  }
  return Value::boolean(false);
}

// True where the text is not empty and every code point passes.
template <bool (*kTest)(char32_t)>
Result<Value> all_are(const MethodCall& call) {
  const std::string& bytes = self_bytes(call);
  PARAPET_TRY(call.runtime.spend(bytes.size()));
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = decode_code_point(bytes, at);
    if (!kTest(c.value)) return Value::boolean(false);
    at += c.length;
  }
  return Value::boolean(!bytes.empty());
}

bool is_ascii(char32_t c) { return c < 0x80; }

Result<Value> is_all_ascii(const MethodCall& call) {
  if (self_bytes(call).empty()) return Value::boolean(true);
  return all_are<is_ascii>(call);
}

Result<Value> is_all_printable(const MethodCall& call) {
  if (self_bytes(call).empty()) return Value::boolean(true);
  return all_are<is_printable>(call);
}

template <bool kUpper>
Result<Value> has_case(const MethodCall& call) {
  const std::string& bytes = self_bytes(call);
  PARAPET_TRY(call.runtime.spend(bytes.size()));
  bool any = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = decode_code_point(bytes, at);
    at += c.length;
    if (is_title(c.value) || (kUpper ? is_lower(c.value) : is_upper(c.value))) {
      return Value::boolean(false);
    }
    any = any || is_cased(c.value);
  }
  return Value::boolean(any);
}

Result<Value> is_title_text(const MethodCall& call) {
  const std::string& bytes = self_bytes(call);
  PARAPET_TRY(call.runtime.spend(bytes.size()));
  bool any = false;
  bool after_cased = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = decode_code_point(bytes, at);
    at += c.length;
    const bool starts_word = is_upper(c.value) || is_title(c.value);
    if (starts_word && after_cased) return Value::boolean(false);
    if (is_lower(c.value) && !after_cased) return Value::boolean(false);
    after_cased = is_cased(c.value);
    any = any || after_cased;
  }
  return Value::boolean(any);
}

Result<Value> is_identifier(const MethodCall& call) {
  const std::string& bytes = self_bytes(call);
  if (bytes.empty()) return Value::boolean(false);
  const char32_t first = decode_code_point(bytes, 0).value;
  if (first != '_' && !is_alpha(first)) return Value::boolean(false);
  return all_are<is_word>(call);
}

constexpr MethodEntry kMethods[] = {
    {"count", 1, {"-", "-", "-"}, count},
    {"endswith", 1, {"-", "-", "-"}, has_affix<true>},
    {"find", 1, {"-", "-", "-"}, find<false>},
    {"index", 1, {"-", "-", "-"}, index<false>},
    {"isalnum", 0, {}, all_are<is_alnum>},
    {"isalpha", 0, {}, all_are<is_alpha>},
    {"isascii", 0, {}, is_all_ascii},
    {"isdecimal", 0, {}, all_are<is_decimal>},
    {"isdigit", 0, {}, all_are<is_digit>},
    {"isidentifier", 0, {}, is_identifier},
    {"islower", 0, {}, has_case<false>},
    {"isnumeric", 0, {}, all_are<is_numeric>},
    {"isprintable", 0, {}, is_all_printable},
    {"isspace", 0, {}, all_are<is_space>},
    {"istitle", 0, {}, is_title_text},
    {"isupper", 0, {}, has_case<true>},
    {"rfind", 1, {"-", "-", "-"}, find<true>},
    {"rindex", 1, {"-", "-", "-"}, index<true>},
    {"startswith", 1, {"-", "-", "-"}, has_affix<false>},
};

}  // namespace

std::span<const MethodEntry> text_test_methods() { return kMethods; }

}  // namespace parapet::jinja
