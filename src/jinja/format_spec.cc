#include "jinja/format_spec.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "jinja/number.h"
#include "jinja/text_methods.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace parapet::jinja {
namespace {

constexpr int kMaxPrecision = 400;  // more digits than any double has
constexpr std::string_view kAlignments = "<>^=";

class SpecReader {
 public:
  explicit SpecReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool take_if(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char take_any(std::string_view set) {
    if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return '\0';
    return take();
  }
  std::optional<std::int64_t> take_number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || rest_.front() == '-') return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  void take_alignment(FormatSpec& spec) {
    if (rest_.empty()) return;
    const std::size_t fill = decode_code_point(rest_, 0).length;
    if (fill < rest_.size() && kAlignments.find(rest_[fill]) != std::string_view::npos) {
      spec.fill = rest_.substr(0, fill);
      spec.align = rest_[fill];
      rest_.remove_prefix(fill + 1);
    } else {
      spec.align = take_any(kAlignments);
    }
  }

 private:
  std::string_view rest_;
};

struct Digits {
  std::string sign;    // "", "-", "+", " "
  std::string prefix;  // "0x"
  std::string digits;
};

std::string sign_text(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? "" : std::string(1, sign);
}

void group_digits(std::string& digits, char separator, std::size_t size) {
  std::size_t end = digits.find_first_not_of("0123456789abcdefABCDEF");
  if (end == std::string::npos) end = digits.size();
  for (std::size_t at = end; at > size;) {
    at -= size;
    digits.insert(at, 1, separator);
  }
}

std::string magnitude_text(std::uint64_t magnitude, int base, bool upper) {
  char buffer[65];
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
  if (upper) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

Result<Digits> integer_digits(Runtime& runtime, std::int64_t value, const FormatSpec& spec) {
  Digits digits;
  digits.sign = sign_text(value < 0, spec.sign);
  const auto magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  int base = 10;
  switch (spec.type) {
    case 'b': base = 2; break;
    case 'o': base = 8; break;
    case 'x':
    case 'X': base = 16; break;
    default: break;
  }
  if (spec.precision) return runtime.error("precision is not allowed for integers");
  if (spec.grouping == ',' && base != 10) return runtime.error("cannot group with ',' here");
  digits.digits = magnitude_text(magnitude, base, spec.type == 'X');
  if (spec.alternate && base != 10) digits.prefix = std::string("0") + spec.type;
  if (spec.grouping != '\0') group_digits(digits.digits, spec.grouping, base == 10 ? 3 : 4);
  return digits;
}

std::string printed(const char* format, int precision, double value) {
  char buffer[800];
  const int length = std::snprintf(buffer, sizeof buffer, format, precision, value);
  return std::string(buffer, static_cast<std::size_t>(length));
}

// Without a type: as repr() where no precision is given, else as 'g' but always with a point.
std::string plain_float(double magnitude, const FormatSpec& spec) {
  if (!spec.precision) return float_repr(magnitude);
  const int precision = std::max(*spec.precision, 1);
  const std::string scientific = printed("%.*e", precision - 1, magnitude);
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  // The point costs a digit, so the scientific form starts one earlier than with 'g'.
  if (exponent >= -4 && exponent == precision - 1) {
    std::string mantissa = scientific.substr(0, scientific.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + scientific.substr(scientific.find('e'));
  }
  std::string text = printed("%.*g", precision, magnitude);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

Result<Digits> float_digits(Runtime& runtime, double value, const FormatSpec& spec) {
  Digits digits;
  digits.sign = sign_text(std::signbit(value) && !std::isnan(value), spec.sign);
  const double magnitude = std::fabs(value);
  const int precision = spec.precision.value_or(6);
  if (precision > kMaxPrecision) return runtime.error("the precision is too large");
  const bool upper = spec.type == 'E' || spec.type == 'F' || spec.type == 'G';
  if (!std::isfinite(value)) {
    digits.digits = std::isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    if (spec.type == '%') digits.digits += "%";
    return digits;
  }
  switch (spec.type) {
    case '\0': digits.digits = plain_float(magnitude, spec); break;
    case 'e':
      digits.digits = printed(spec.alternate ? "%#.*e" : "%.*e", precision, magnitude);
      break;
    case 'E':
      digits.digits = printed(spec.alternate ? "%#.*E" : "%.*E", precision, magnitude);
      break;
    case 'f':
    case 'F':
      digits.digits = printed(spec.alternate ? "%#.*f" : "%.*f", precision, magnitude);
      break;
    case 'g':
    case 'n':
      digits.digits = printed(spec.alternate ? "%#.*g" : "%.*g", precision, magnitude);
      break;
    case 'G':
      digits.digits = printed(spec.alternate ? "%#.*G" : "%.*G", precision, magnitude);
      break;
    case '%': digits.digits = printed("%.*f", precision, magnitude * 100) + "%"; break;
    default:
      return runtime.error(std::string("unknown format code '") + spec.type + "' for a float");
  }
  if (spec.grouping != '\0') group_digits(digits.digits, spec.grouping, 3);
  return digits;
}

// Sign and prefix stand before the fill where it is "=" or zeros.
Result<OriginText> assemble(Runtime& runtime, const Digits& digits, const FormatSpec& spec,
                            Origin origin) {
  const OriginText fill(spec.fill, spec.origin);
  OriginText head(digits.sign + digits.prefix, origin);
  OriginText body(digits.digits, origin);
  if (spec.align != '=') {
    head.append(body);
    const Padding padding = spec.align == '<'   ? Padding::kRight
                            : spec.align == '^' ? Padding::kBoth
                                                : Padding::kLeft;
    return pad_text(runtime, head, spec.width, padding, fill);
  }
  if (spec.grouping != '\0' && spec.fill == "0") {
    return runtime.error("zero padding together with grouping is not supported");
  }
  PARAPET_ASSIGN(const OriginText padded,
                 pad_text(runtime, body, spec.width - static_cast<std::int64_t>(head.size()),
                          Padding::kLeft, fill));
  head.append(padded);
  return head;
}

bool is_float_type(char type) {
  return std::string_view("eEfFgG%").find(type) != std::string_view::npos;
}

}  // namespace

Result<FormatSpec> FormatSpec::parse(Runtime& runtime, std::string_view text) {
  FormatSpec spec;
  SpecReader reader(text);
  reader.take_alignment(spec);
  if (const char sign = reader.take_any("+- ")) spec.sign = sign;
  spec.alternate = reader.take_if('#');
  if (reader.take_if('0')) {
    if (spec.align == '\0') {
      spec.fill = "0";
      spec.align = '=';
    }
  }
  if (const auto width = reader.take_number()) spec.width = *width;
  spec.grouping = reader.take_any(",_");
  if (reader.take_if('.')) {
    const auto precision = reader.take_number();
    if (!precision || *precision > INT32_MAX)
      return runtime.error("bad precision in format specification");
    spec.precision = static_cast<int>(*precision);
  }
  if (!reader.at_end()) spec.type = reader.take();
  if (!reader.at_end()) return runtime.error("invalid format specification");
  return spec;
}

Result<OriginText> format_text(Runtime& runtime, const OriginText& text, const FormatSpec& spec) {
  const bool zero_filled = spec.align == '=' && spec.fill == "0";
  if (spec.type != '\0' && spec.type != 's') {
    return runtime.error(std::string("unknown format code '") + spec.type + "' for a string");
  }
  if ((spec.align == '=' && !zero_filled) || spec.sign != '-' || spec.alternate ||
      spec.grouping != '\0') {
    return runtime.error("a string takes no sign, grouping, '#' or '=' in a format specification");
  }
  OriginText cut = text;
  if (spec.precision) {
    cut =
        text.substr(0, byte_of_code_point(text.text(), static_cast<std::size_t>(*spec.precision)));
  }
  const Padding padding = spec.align == '>'   ? Padding::kLeft
                          : spec.align == '^' ? Padding::kBoth
                                              : Padding::kRight;
  return pad_text(runtime, cut, spec.width, padding, OriginText(spec.fill, spec.origin));
}

Result<OriginText> format_number(Runtime& runtime, const Value& value, const FormatSpec& spec) {
  if (value.is_float() || is_float_type(spec.type)) {
    PARAPET_ASSIGN(const Digits digits, float_digits(runtime, value.to_double(), spec));
    return assemble(runtime, digits, spec, value.origin());
  }
  if (std::string_view("bdoxXn").find(spec.type) == std::string_view::npos && spec.type != '\0') {
    return runtime.error(std::string("unknown format code '") + spec.type + "' for an integer");
  }
  PARAPET_ASSIGN(const Digits digits, integer_digits(runtime, value.to_int(), spec));
  return assemble(runtime, digits, spec, value.origin());
}

}  // namespace parapet::jinja
