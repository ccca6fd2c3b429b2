#include "jinja/python_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/format_spec.h"
#include "jinja/number.h"
#include "jinja/operators.h"
#include "jinja/printing.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

constexpr int kMaxFieldDepth = 2;  // a field inside of a field's specification, as in Python

// repr() with every character beyond ASCII escaped.
OriginText ascii_repr(const OriginText& repr) {
  return map_code_points(repr, [](std::string& out, char32_t c, std::size_t) {
    if (c < 0x80) return append_utf8(c, out);
    char escaped[12];
    const char* const format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
    std::snprintf(escaped, sizeof escaped, format, static_cast<unsigned>(c));
    out += escaped;
  });
}

// str, repr or ascii of a value, by the letter that asks for it.
Result<OriginText> converted(Runtime& runtime, const Value& value, char conversion) {
  if (conversion == 's') return to_text(runtime, value);
  PARAPET_ASSIGN(OriginText repr, to_repr(runtime, value));
  return conversion == 'a' ? ascii_repr(repr) : repr;
}

class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, const Text& format, const Value& values)
      : runtime_(runtime), format_(format), bytes_(format.text.text()), values_(values) {
    const Sequence* tuple = values.as_sequence();
    if (tuple && tuple->is_tuple())
      positional_ = tuple->items;
    else
      positional_ = {values};
  }

  Result<Value> run() {
    PARAPET_TRY(runtime_.spend(bytes_.size()));
    std::size_t literal = 0;
    while ((at_ = bytes_.find('%', literal)) != std::string::npos) {
      out_.append(format_.text.substr(literal, at_ - literal));
      ++at_;
      PARAPET_TRY(directive());
      literal = at_;
    }
    out_.append(format_.text.substr(literal));
    const bool is_mapping = values_.is_dict();
    const bool all_used = next_ >= positional_.size() || is_mapping;
    if (!all_used) return runtime_.error("not all arguments were converted by the format string");
    return Value::text(std::move(out_), format_.markup);
  }

 private:
  char peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }

  Status directive() {
    PARAPET_TRY(runtime_.step());
    std::optional<Value> named;
    if (peek() == '(') {
      PARAPET_ASSIGN(named, named_value());
    }
    FormatSpec spec;
    spec.origin = origin_of(format_.text);
    bool zero = false;
    read_flags(spec, zero);
    PARAPET_ASSIGN(const auto width, number_or_star());
    spec.width = width.value_or(0);
    if (spec.width < 0) {
      if (spec.width == INT64_MIN) return runtime_.error("the width is too large");
      spec.align = '<';
      spec.width = -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      PARAPET_ASSIGN(const auto precision, number_or_star());
      spec.precision =
          static_cast<int>(std::clamp<std::int64_t>(precision.value_or(0), 0, INT32_MAX));
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    if (at_ >= bytes_.size()) return runtime_.error("incomplete format");
    const char type = bytes_[at_++];
    if (type == '%') {
      out_.append("%", spec.origin);
      return {};
    }
    Value value;
    if (named) {
      value = *named;
    } else {
      PARAPET_ASSIGN(value, next_value());
    }
    return convert(value, type, spec, zero);
  }

  void read_flags(FormatSpec& spec, bool& zero) {
    while (true) {
      switch (peek()) {
        case '-': spec.align = '<'; break;
        case '+': spec.sign = '+'; break;
        case ' ':
          if (spec.sign == '-') spec.sign = ' ';
          break;
        case '#': spec.alternate = true; break;
        case '0': zero = true; break;
        default: return;
      }
      ++at_;
    }
  }

  Result<Value> named_value() {
    const Dict* dict = values_.as_dict();
    if (dict == nullptr) return runtime_.error("format requires a mapping");
    std::size_t end = at_ + 1;
    for (int open = 1; end < bytes_.size(); ++end) {
      if (bytes_[end] == '(') ++open;
      if (bytes_[end] == ')' && --open == 0) break;
    }
    if (end >= bytes_.size()) return runtime_.error("incomplete format key");
    const std::string key = bytes_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const Value* found = dict->find_text(key);
    if (found == nullptr) return runtime_.error("format: no key '" + key + "'");
    return *found;
  }

  Result<Value> next_value() {
    if (next_ >= positional_.size())
      return runtime_.error("not enough arguments for format string");
    return positional_[next_++];
  }

  Result<std::optional<std::int64_t>> number_or_star() {
    if (peek() == '*') {
      ++at_;
      PARAPET_ASSIGN(const Value value, next_value());
      if (!value.is_integral()) return runtime_.error("* wants an integer");
      return std::optional(value.to_int());
    }
    std::int64_t number = 0;
    const char* const begin = bytes_.data() + at_;
    const auto [end, error] = std::from_chars(begin, bytes_.data() + bytes_.size(), number);
    if (error == std::errc::result_out_of_range) return runtime_.error("the width is too large");
    if (error != std::errc{} || *begin == '-') return std::optional<std::int64_t>();
    at_ += static_cast<std::size_t>(end - begin);
    return std::optional(number);
  }

  Status convert(const Value& value, char type, const FormatSpec& spec, bool zero) {
    switch (type) {
      case 's':
      case 'r':
      case 'a': return convert_text(value, type, spec);
      case 'c': return convert_character(value, spec);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': return convert_number(value, type, spec, zero);
      default: return runtime_.error(std::string("unsupported format character '") + type + "'");
    }
  }

  Status append_padded(const OriginText& text, FormatSpec spec) {
    spec.sign = '-';
    spec.alternate = false;
    spec.align = spec.align == '<' ? '<' : '>';
    PARAPET_ASSIGN(const OriginText padded, format_text(runtime_, text, spec));
    out_.append(padded);
    return runtime_.spend(padded.size());
  }

  Status convert_text(const Value& value, char type, const FormatSpec& spec) {
    PARAPET_ASSIGN(OriginText text, converted(runtime_, value, type));
    const bool is_safe = value.is_text() && value.as_text()->markup && type == 's';
    if (format_.markup && !is_safe) text = escape_markup(text);
    return append_padded(text, spec);
  }

  Status convert_character(const Value& value, FormatSpec spec) {
    spec.precision.reset();
    if (const Text* text = value.as_text()) {
      if (count_code_points(text->text.text()) != 1)
        return runtime_.error("%c requires one character");
      return append_padded(text->text, spec);
    }
    if (!value.is_integral() || value.to_int() < 0 || value.to_int() > 0x10ffff ||
        (value.to_int() >= 0xd800 && value.to_int() <= 0xdfff)) {
      return runtime_.error("%c requires a character or its number");
    }
    std::string text;
    append_utf8(static_cast<char32_t>(value.to_int()), text);
    return append_padded(OriginText(text, value.origin()), spec);
  }

  Status convert_number(const Value& value, char type, FormatSpec spec, bool zero) {
    if (!value.is_number()) {
      return runtime_.error(std::string("%") + type + " format: a number is required, not '" +
                            std::string(value.type_name()) + "'");
    }
    const bool is_real = std::string_view("eEfFgG").find(type) != std::string_view::npos;
    Value number = value;
    if (is_real) {
      number = Value::real(value.to_double(), value.origin());
      spec.type = type;
    } else {
      PARAPET_ASSIGN(number, whole_number(value, type));
      spec.type = type == 'i' || type == 'u' ? 'd' : type;
    }
    if (zero && spec.align != '<') {
      spec.fill = "0";
      spec.align = '=';
    }
    if (!is_real && spec.precision) {
      if (*spec.precision > 0) return runtime_.error("a precision for integers is not supported");
      spec.precision.reset();
    }
    PARAPET_ASSIGN(const OriginText text, format_number(runtime_, number, spec));
    out_.append(text);
    return runtime_.spend(text.size());
  }

  Result<Value> whole_number(const Value& value, char type) {
    if (value.is_integral()) return Value::integer(value.to_int(), value.origin());
    const double real = std::trunc(value.to_double());
    if (type == 'o' || type == 'x' || type == 'X') {
      return runtime_.error(std::string("%") + type + " format: an integer is required");
    }
    if (!(real >= -0x1p63 && real < 0x1p63))
      return runtime_.error("the number does not fit in 64 bits");
    return Value::integer(static_cast<std::int64_t>(real), value.origin());
  }

  Runtime& runtime_;
  const Text& format_;
  const std::string& bytes_;
  const Value& values_;
  std::vector<Value> positional_;
  std::size_t next_ = 0;
  std::size_t at_ = 0;
  OriginText out_;
};

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, bool markup, const Arguments& arguments)
      : runtime_(runtime), markup_(markup), arguments_(arguments) {}

  Result<OriginText> run(const OriginText& format, int depth) {
    if (depth > kMaxFieldDepth) return runtime_.error("format: fields nest too deeply");
    PARAPET_TRY(runtime_.spend(format.size()));
    const std::string& bytes = format.text();
    OriginText out;
    std::size_t literal = 0;
    for (std::size_t at = bytes.find_first_of("{}"); at != std::string::npos;
         at = bytes.find_first_of("{}", literal)) {
      out.append(format.substr(literal, at - literal));
      if (at + 1 < bytes.size() && bytes[at + 1] == bytes[at]) {
        out.append(format.substr(at, 1));
        literal = at + 2;
        continue;
      }
      if (bytes[at] == '}') return runtime_.error("format: single '}' in format string");
      PARAPET_ASSIGN(const std::size_t end, field_end(bytes, at));
      PARAPET_ASSIGN(const OriginText text, field(format.substr(at + 1, end - at - 1), depth));
      PARAPET_TRY(runtime_.spend(text.size()));
      out.append(text);
      literal = end + 1;
    }
    out.append(format.substr(literal));
    return out;
  }

 private:
  Result<std::size_t> field_end(const std::string& bytes, std::size_t begin) const {
    int open = 0;
    for (std::size_t at = begin; at < bytes.size(); ++at) {
      if (bytes[at] == '{') ++open;
      if (bytes[at] == '}' && --open == 0) return at;
    }
    return runtime_.error("format: expected '}' before the end of the string");
  }

  // NAME!CONVERSION:SPECIFICATION
  Result<OriginText> field(const OriginText& text, int depth) {
    PARAPET_TRY(runtime_.step());
    const std::string& bytes = text.text();
    const std::size_t name_end = std::min(name_length(bytes), bytes.size());
    std::size_t at = name_end;
    char conversion = '\0';
    if (at < bytes.size() && bytes[at] == '!') {
      if (at + 1 >= bytes.size() ||
          std::string_view("rsa").find(bytes[at + 1]) == std::string_view::npos) {
        return runtime_.error("format: expected r, s or a after '!'");
      }
      conversion = bytes[at + 1];
      at += 2;
      if (at < bytes.size() && bytes[at] != ':') {
        return runtime_.error("format: expected ':' after the conversion");
      }
    }
    OriginText spec_text;
    if (at < bytes.size()) {
      PARAPET_ASSIGN(spec_text, run(text.substr(at + 1), depth + 1));
    }
    PARAPET_ASSIGN(const Value value, lookup(bytes.substr(0, name_end)));
    return present(value, conversion, spec_text);
  }

  // Up to '!' or ':' outside of brackets.
  static std::size_t name_length(const std::string& bytes) {
    bool in_brackets = false;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '[') in_brackets = true;
      if (bytes[i] == ']') in_brackets = false;
      if (!in_brackets && (bytes[i] == '!' || bytes[i] == ':')) return i;
    }
    return bytes.size();
  }

  static std::optional<std::size_t> index_of(std::string_view text) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
      return std::nullopt;
    return index;
  }

  Result<Value> argument(std::string_view name) {
    auto index = index_of(name);
    if (name.empty()) {
      if (manual_) return runtime_.error("format: cannot mix {} with {0}");
      automatic_ = true;
      index = next_++;
    } else if (index) {
      if (automatic_) return runtime_.error("format: cannot mix {} with {0}");
      manual_ = true;
    }
    if (index) {
      if (*index < arguments_.positional.size()) return arguments_.positional[*index];
      return runtime_.error("format: there is no argument " + std::to_string(*index));
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key.text() == name) return value;
    }
    return runtime_.error("format: there is no argument '" + std::string(name) + "'");
  }

  // NAME, then .attribute and [item] any number of times.
  Result<Value> lookup(std::string_view name) {
    const std::size_t first = std::min(name.find_first_of(".["), name.size());
    PARAPET_ASSIGN(Value value, argument(name.substr(0, first)));
    std::string_view rest = name.substr(first);
    while (!rest.empty()) {
      PARAPET_TRY(runtime_.step());
      if (rest[0] == '.') {
        const std::size_t end = std::min(rest.find_first_of(".[", 1), rest.size());
        if (end == 1) return runtime_.error("format: empty attribute");
        PARAPET_ASSIGN(value, get_attribute(runtime_, value, rest.substr(1, end - 1)));
        rest.remove_prefix(end);
        continue;
      }
      const std::size_t close = rest.find(']');
      if (rest[0] != '[' || close == std::string_view::npos || close == 1) {
        return runtime_.error("format: malformed field name");
      }
      const std::string_view key = rest.substr(1, close - 1);
      const auto index = index_of(key);
      PARAPET_ASSIGN(value, get_item(runtime_, value,
                                     index ? Value::integer(static_cast<std::int64_t>(*index))
                                           : Value::text(key, Origin::kMessage)));
      rest.remove_prefix(close + 1);
    }
    return value;
  }

  Result<OriginText> present(const Value& value, char conversion, const OriginText& spec_text) {
    PARAPET_ASSIGN(FormatSpec spec, FormatSpec::parse(runtime_, spec_text.text()));
    spec.origin = origin_of(spec_text);
    if (conversion == '\0' && value.is_number() && !(value.is_bool() && spec_text.empty())) {
      return format_number(runtime_, value, spec);
    }
    if (conversion == '\0' && !value.is_text() && !spec_text.empty()) {
      return runtime_.error("format: '" + std::string(value.type_name()) +
                            "' takes no format specification");
    }
    PARAPET_ASSIGN(OriginText text, converted(runtime_, value, conversion ? conversion : 's'));
    PARAPET_ASSIGN(text, format_text(runtime_, text, spec));
    const bool is_safe = value.is_text() && value.as_text()->markup;
    return markup_ && !is_safe ? escape_markup(text) : text;
  }

  Runtime& runtime_;
  bool markup_;
  const Arguments& arguments_;
  std::size_t next_ = 0;
  bool automatic_ = false;
  bool manual_ = false;
};

}  // namespace

Result<Value> format_percent(Runtime& runtime, const Text& format, const Value& values) {
  return PercentFormatter(runtime, format, values).run();
}

Result<Value> format_braces(Runtime& runtime, const Text& format, const Arguments& arguments) {
  PARAPET_ASSIGN(OriginText text,
                 BraceFormatter(runtime, format.markup, arguments).run(format.text, 1));
  return Value::text(std::move(text), format.markup);
}

}  // namespace parapet::jinja
