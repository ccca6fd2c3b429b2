#include "jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "jinja/runtime.h"
#include "jinja/string_literal.h"
#include "jinja/unicode.h"

namespace parapet::jinja {
namespace {

// CRLF and CR become LF; one newline at the very end goes.
std::string normalized(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string_view name, std::string source) : name_(name), source_(std::move(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) PARAPET_TRY(root());
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  enum class TrimAfter : std::uint8_t { kNothing, kNewline };

  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool next_is(std::string_view text) const { return rest().starts_with(text); }

  void advance(std::size_t bytes) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + bytes),
                                         '\n'));
    at_ += bytes;
  }

  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  Error error(std::string_view problem) const {
    return located_error(ErrorCode::kCorrupt, name_, line_, problem);
  }

  std::size_t spaces_at(std::size_t position) const {
    std::size_t end = position;
    while (end < source_.size()) {
      const CodePoint next = decode_code_point(source_, end);
      if (!is_space(next.value)) break;
      end += next.length;
    }
    return end - position;
  }

  // The length of a tag's end at `position` ("-%}" with the space after it, "%}" with one newline),
  // or nullopt.
  std::optional<std::size_t> tag_end(std::size_t position, std::string_view delimiter,
                                     TrimAfter trim) const {
    const std::string_view text = std::string_view(source_).substr(position);
    const std::size_t size = delimiter.size();
    if (text.starts_with('-') && text.substr(1).starts_with(delimiter)) {
      return 1 + size + spaces_at(position + 1 + size);
    }
    const bool trims = trim == TrimAfter::kNewline;
    if (trims && text.starts_with('+') && text.substr(1).starts_with(delimiter)) return 1 + size;
    if (!text.starts_with(delimiter)) return std::nullopt;
    return trims && text.substr(size).starts_with('\n') ? size + 1 : size;
  }

  // The end of `{% raw %}` or `{% endraw %}` that starts at `position`, or nullopt.
  std::optional<std::size_t> raw_tag(std::size_t position, std::string_view word,
                                     TrimAfter trim) const {
    std::size_t at = position + 2;
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
    at += spaces_at(at);
    if (!std::string_view(source_).substr(at).starts_with(word)) return std::nullopt;
    at += word.size();
    at += spaces_at(at);
    const auto end = tag_end(at, "%}", trim);
    return end ? std::optional(at + *end - position) : std::nullopt;
  }

  // Emits the text before a tag, shortened as the tag's sign or lstrip_blocks asks.
  void text_before(std::size_t tag, bool is_variable) {
    std::string text = source_.substr(at_, tag - at_);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign == '-') {
      strip_end(text);
    } else if (sign != '+' && !is_variable) {
      strip_indent(text);
    }
    if (!text.empty()) push(TokenKind::kText, std::move(text));
    advance(tag - at_);
  }

  static void strip_end(std::string& text) {
    while (!text.empty()) {
      std::size_t start = text.size() - 1;
      while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80U) --start;
      if (!is_space(decode_code_point(text, start).value)) return;
      text.resize(start);
    }
  }

  void strip_indent(std::string& text) const {
    const std::size_t newline = text.rfind('\n');
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    if (begin == 0 && !line_starting_) return;
    for (std::size_t i = begin; i < text.size();) {
      const CodePoint next = decode_code_point(text, i);
      if (!is_space(next.value)) return;
      i += next.length;
    }
    text.resize(begin);
  }

  void end_tag(std::size_t length) {
    line_starting_ = length > 0 && source_[at_ + length - 1] == '\n';
    advance(length);
  }

  Status root() {
    std::size_t tag = at_;
    while ((tag = source_.find('{', tag)) != std::string::npos) {
      if (tag + 1 < source_.size() &&
          std::string_view("{%#").find(source_[tag + 1]) != std::string_view::npos) {
        break;
      }
      ++tag;
    }
    if (tag == std::string::npos) {
      push(TokenKind::kText, source_.substr(at_));
      advance(source_.size() - at_);
      return {};
    }
    const char kind = source_[tag + 1];
    text_before(tag, kind == '{');
    if (kind == '#') return comment();
    if (kind == '%') {
      if (const auto raw = raw_tag(at_, "raw", TrimAfter::kNothing)) return raw_block(*raw);
    }
    const bool signed_tag =
        at_ + 2 < source_.size() && (source_[at_ + 2] == '-' || source_[at_ + 2] == '+');
    push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    advance(signed_tag ? 3 : 2);
    return inside(kind == '{');
  }

  Status comment() {
    for (std::size_t i = at_ + 2; i < source_.size(); ++i) {
      if (const auto end = tag_end(i, "#}", TrimAfter::kNewline)) {
        end_tag(i - at_ + *end);
        return {};
      }
    }
    if (at_ + 2 ==
        source_.size()) {  // Jinja lets a comment or raw block begin where nothing follows
      advance(2);
      return {};
    }
    return error("missing end of comment tag '#}'");
  }

  Status raw_block(std::size_t begin_length) {
    const int begin_line = line_;
    advance(begin_length);
    line_starting_ = false;
    std::size_t tag = at_;
    while ((tag = source_.find("{%", tag)) != std::string::npos) {
      if (const auto end = raw_tag(tag, "endraw", TrimAfter::kNewline)) {
        text_before(tag, false);
        end_tag(*end);
        return {};
      }
      ++tag;
    }
    if (at_ == source_.size()) return {};
    line_ = begin_line;
    return error("missing end of raw block '{% endraw %}'");
  }

  // Tokens of a tag up to and with its end.
  Status inside(bool is_variable) {
    const std::string_view delimiter = is_variable ? "}}" : "%}";
    const TrimAfter trim = is_variable ? TrimAfter::kNothing : TrimAfter::kNewline;
    const int begin_line = line_;
    open_.clear();
    while (at_ < source_.size()) {
      if (open_.empty()) {
        if (const auto end = tag_end(at_, delimiter, trim)) {
          push(is_variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
          end_tag(*end);
          return {};
        }
      }
      if (const std::size_t spaces = spaces_at(at_); spaces > 0) {
        advance(spaces);
        continue;
      }
      PARAPET_TRY(token());
    }
    line_ = begin_line;
    return error("tag is not closed: expected '" + std::string(delimiter) + "'");
  }

  Status token() {
    const char c = source_[at_];
    if (is_ascii_digit(c)) return number();
    if (c == '"' || c == '\'') return string(c);
    const CodePoint first = decode_code_point(source_, at_);
    if (is_word(first.value)) return name();
    return op();
  }

  // Digits in groups parted by single underscores.
  std::size_t digits_at(std::size_t position, bool (*is_digit_of_base)(char)) const {
    std::size_t at = position;
    while (at < source_.size()) {
      const bool parts_digits = source_[at] == '_' && at > position && at + 1 < source_.size() &&
                                is_digit_of_base(source_[at + 1]);
      if (!parts_digits && !is_digit_of_base(source_[at])) break;
      ++at;
    }
    return at - position;
  }

  std::size_t exponent_at(std::size_t position) const {
    if (position >= source_.size() || (source_[position] | 0x20) != 'e') return 0;
    std::size_t at = position + 1;
    if (at < source_.size() && (source_[at] == '+' || source_[at] == '-')) ++at;
    const std::size_t digits = digits_at(at, is_ascii_digit);
    return digits == 0 ? 0 : at + digits - position;
  }

  Status number() {
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';  // `x.0.1` holds no float
    const std::size_t whole = digits_at(at_, is_ascii_digit);
    std::size_t end = at_ + whole;
    std::size_t fraction = 0;
    if (end + 1 < source_.size() && source_[end] == '.') {
      fraction = digits_at(end + 1, is_ascii_digit);
      if (fraction > 0) ++fraction;
    }
    const std::size_t exponent = exponent_at(end + fraction);
    if (!after_dot && (fraction > 0 || exponent > 0)) {
      return number_token(TokenKind::kFloat, whole + fraction + exponent);
    }
    return number_token(TokenKind::kInteger, integer_length());
  }

  std::size_t integer_length() const {
    if (source_[at_] != '0') return digits_at(at_, is_ascii_digit);
    const char base = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    const auto prefixed = [&](bool (*is_digit_of_base)(char)) {
      std::size_t begin = at_ + 2;
      if (begin < source_.size() && source_[begin] == '_') ++begin;
      const std::size_t digits = digits_at(begin, is_digit_of_base);
      return digits == 0 ? std::size_t{0} : begin + digits - at_;
    };
    std::size_t length = 0;
    if (base == 'b') length = prefixed([](char c) { return c == '0' || c == '1'; });
    if (base == 'o') length = prefixed([](char c) { return c >= '0' && c <= '7'; });
    if (base == 'x') {
      length = prefixed(
          [](char c) { return is_ascii_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); });
    }
    return length > 0 ? length : digits_at(at_, [](char c) { return c == '0'; });
  }

  Status number_token(TokenKind kind, std::size_t length) {
    std::string text = source_.substr(at_, length);
    std::erase(text, '_');
    push(kind, std::move(text));
    advance(length);
    return {};
  }

  Status string(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return error("string is not closed");
    const auto decoded =
        decode_string_literal(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    if (!decoded.ok()) return error(decoded.error().message);
    push(TokenKind::kString, decoded.value());
    advance(end + 1 - at_);
    return {};
  }

  Status name() {
    std::size_t end = at_;
    bool is_identifier = true;
    while (end < source_.size()) {
      const CodePoint next = decode_code_point(source_, end);
      if (!is_word(next.value)) break;
      // Digits of other kinds (superscripts and the like) are \w but no part of a Python name.
      if (next.value >= 0x80 && !is_alpha(next.value) && !is_decimal(next.value)) {
        is_identifier = false;
      }
      end += next.length;
    }
    if (!is_identifier || is_decimal(decode_code_point(source_, at_).value)) {
      return error("invalid character in identifier");
    }
    push(TokenKind::kName, source_.substr(at_, end - at_));
    advance(end - at_);
    return {};
  }

  Status op() {
    static constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto* const found = std::find_if(kOperators.begin(), kOperators.end(),
                                           [&](std::string_view o) { return next_is(o); });
    if (found == kOperators.end()) {
      const CodePoint c = decode_code_point(source_, at_);
      return error("unexpected character '" + source_.substr(at_, c.length) + "'");
    }
    PARAPET_TRY(balance((*found)[0]));
    push(TokenKind::kOperator, std::string(*found));
    advance(found->size());
    return {};
  }

  Status balance(char c) {
    static constexpr std::string_view kOpen = "([{";
    static constexpr std::string_view kClose = ")]}";
    if (const auto opened = kOpen.find(c); opened != std::string_view::npos) {
      open_ += kClose[opened];
    } else if (kClose.find(c) != std::string_view::npos) {
      if (open_.empty() || open_.back() != c) return error(std::string("unexpected '") + c + "'");
      open_.pop_back();
    }
    return {};
  }

  std::string_view name_;
  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the next text begins a line: lstrip_blocks may take its indent
  std::string open_;           // closing brackets that are awaited
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view name, std::string_view source) {
  if (const std::size_t bad = find_invalid_utf8(source); bad != std::string_view::npos) {
    const auto line =
        std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    return located_error(ErrorCode::kCorrupt, name, static_cast<int>(line) + 1,
                         "not UTF-8 at byte " + std::to_string(bad));
  }
  return Lexer(name, normalized(source)).run();
}

}  // namespace parapet::jinja
