#include "structured/regex_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "structured/pattern_reader.h"
#include "structured/regex_class.h"

namespace parapet {
namespace {

// Parsing and compiling recurse once a group; real patterns nest a handful.
constexpr int kMaxDepth = 100;
// No automaton within the limit on states repeats anything more often.
constexpr std::uint32_t kMaxRepeat = 20'000;
constexpr std::u32string_view kQuantifiers = U"*+?";

class Parser {
 public:
  explicit Parser(PatternReader reader) : reader_(std::move(reader)) {}

  Result<RegexNode> parse();

 private:
  Result<RegexNode> alternatives(int depth);
  Result<RegexNode> sequence(int depth);
  Result<RegexNode> atom(int depth);
  Result<RegexNode> group(int depth);
  Status group_name();
  Error refuse_group(std::size_t start);

  Result<std::optional<RepeatCount>> quantifier();
  Result<std::optional<RepeatCount>> braces();
  std::optional<std::uint32_t> number();

  PatternReader reader_;
};

RegexNode characters(CodePointSet set) {
  RegexNode node;
  node.kind = RegexNode::Kind::kCharacters;
  node.characters = std::move(set);
  return node;
}

RegexNode repeat(RegexNode child, RepeatCount count) {
  RegexNode node;
  node.kind = RegexNode::Kind::kRepeat;
  node.children.push_back(std::move(child));
  node.count = count;
  return node;
}

bool is_name_character(char32_t c, bool first) {
  const bool letter = (c | 0x20) >= U'a' && (c | 0x20) <= U'z';
  return letter || c == U'_' || (!first && c >= U'0' && c <= U'9');
}

Result<RegexNode> Parser::parse() {
  reader_.take_if(U'^');
  PARAPET_ASSIGN(RegexNode root, alternatives(0));
  if (!reader_.at_end()) return reader_.invalid(reader_.position(), ") closes no group");
  return root;
}

Result<RegexNode> Parser::alternatives(int depth) {
  RegexNode node;
  node.kind = RegexNode::Kind::kAlternatives;
  do {
    PARAPET_ASSIGN(RegexNode choice, sequence(depth));
    node.children.push_back(std::move(choice));
  } while (reader_.take_if(U'|'));
  return node;
}

Result<RegexNode> Parser::sequence(int depth) {
  RegexNode node;
  while (!reader_.at_end() && !reader_.next_is_any_of(U"|)")) {
    if (reader_.next_is(U'$')) {
      const std::size_t dollar = reader_.position();
      reader_.take();
      if (reader_.at_end()) break;
      return reader_.unsupported(dollar, "$ is supported at the end of the pattern only");
    }
    PARAPET_ASSIGN(RegexNode item, atom(depth));
    PARAPET_ASSIGN(const std::optional<RepeatCount> count, quantifier());
    node.children.push_back(count ? repeat(std::move(item), *count) : std::move(item));
  }
  return node;
}

Result<RegexNode> Parser::atom(int depth) {
  const std::size_t start = reader_.position();
  // Braces that hold no count are characters.
  PARAPET_ASSIGN(const std::optional<RepeatCount> count, braces());
  if (count || reader_.next_is_any_of(kQuantifiers)) {
    return reader_.invalid(start, "a quantifier with nothing before it to repeat");
  }
  const char32_t c = reader_.take();
  switch (c) {
    case U'(': return group(depth);
    case U'.': return characters(CodePointSet{{U'\n', U'\n'}}.complement());
    case U'^':
      return reader_.unsupported(start, "^ is supported at the beginning of the pattern only");
    case U'[': {
      PARAPET_ASSIGN(CodePointSet set, read_class(reader_));
      return characters(std::move(set));
    }
    case U'\\': {
      PARAPET_ASSIGN(RegexCharacters escaped, read_escape(reader_));
      return characters(std::move(escaped.set));
    }
    default: return characters(CodePointSet{{c, c}});
  }
}

Result<RegexNode> Parser::group(int depth) {
  const std::size_t start = reader_.position() - 1;
  if (depth == kMaxDepth) {
    return reader_.invalid(start, fmt::format("groups nest deeper than {}", kMaxDepth));
  }
  if (reader_.next_is(U'?')) {
    if (reader_.next_is(U'P', 1) && reader_.next_is(U'<', 2)) {
      PARAPET_TRY(group_name());
    } else if (reader_.next_is(U':', 1)) {
      reader_.seek(reader_.position() + 2);
    } else {
      return refuse_group(start);
    }
  }
  PARAPET_ASSIGN(RegexNode node, alternatives(depth + 1));
  if (!reader_.take_if(U')')) return reader_.invalid(start, "( has no closing )");
  return node;
}

// From ?P< to its >. The name itself has no use here.
Status Parser::group_name() {
  reader_.seek(reader_.position() + 3);
  const std::size_t start = reader_.position();
  while (!reader_.at_end() && !reader_.next_is(U'>')) {
    const bool first = reader_.position() == start;
    if (!is_name_character(reader_.take(), first)) {
      return reader_.invalid(start, "a group's name is made of ASCII letters, digits and _");
    }
  }
  if (reader_.position() == start || !reader_.take_if(U'>')) {
    return reader_.invalid(start, "a group's name is written (?P<name>...)");
  }
  return {};
}

Error Parser::refuse_group(std::size_t start) {
  const auto follows = [&](std::u32string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!reader_.next_is(text[i], i)) return false;
    }
    return true;
  };
  const char* what = "flags and other (?...) groups are not supported; (?:...) is";
  if (follows(U"?=") || follows(U"?!")) what = "lookahead is not supported";
  if (follows(U"?<=") || follows(U"?<!")) what = "lookbehind is not supported";
  if (follows(U"?>")) what = "atomic groups are not supported";
  if (follows(U"?P=")) what = "backreferences are not supported";
  if (follows(U"?#")) what = "comments are not supported";
  if (follows(U"?(")) what = "conditions are not supported";
  return reader_.unsupported(start, what);
}

Result<std::optional<RepeatCount>> Parser::quantifier() {
  std::optional<RepeatCount> count;
  if (reader_.take_if(U'*')) {
    count = RepeatCount{0, std::nullopt};
  } else if (reader_.take_if(U'+')) {
    count = RepeatCount{1, std::nullopt};
  } else if (reader_.take_if(U'?')) {
    count = RepeatCount{0, 1};
  } else {
    PARAPET_ASSIGN(count, braces());
  }
  if (!count) return count;
  if (reader_.next_is(U'+')) {
    return reader_.unsupported(reader_.position(), "possessive quantifiers are not supported");
  }
  reader_.take_if(U'?');  // lazy: the same texts match
  const std::size_t start = reader_.position();
  PARAPET_ASSIGN(const std::optional<RepeatCount> second, braces());
  if (second || reader_.next_is_any_of(kQuantifiers)) {
    return reader_.invalid(start, "a second quantifier; put a group around the first");
  }
  return count;
}

// {m}, {m,}, {,n} or {m,n}; takes nothing where there is none of them.
Result<std::optional<RepeatCount>> Parser::braces() {
  const std::size_t start = reader_.position();
  if (!reader_.next_is(U'{') || reader_.next_is(U'}', 1)) return std::optional<RepeatCount>();
  reader_.take();
  const std::optional<std::uint32_t> first = number();
  RepeatCount count{first.value_or(0), first};
  if (reader_.take_if(U',')) count.most = number();
  if (!reader_.take_if(U'}')) {
    reader_.seek(start);
    return std::optional<RepeatCount>();
  }
  if (count.most && *count.most < count.least) {
    return reader_.invalid(start, "the larger count comes second: {least,most}");
  }
  if (std::max(count.least, count.most.value_or(0)) > kMaxRepeat) {
    return reader_.invalid(start, fmt::format("a count is over the limit of {}", kMaxRepeat));
  }
  return std::optional(count);
}

// None where no digit stands. Anything above the limit is just that.
std::optional<std::uint32_t> Parser::number() {
  std::optional<std::uint32_t> value;
  while (reader_.next_is_any_of(U"0123456789")) {
    const auto digit = static_cast<std::uint32_t>(reader_.take() - U'0');
    value = std::min(value.value_or(0) * 10 + digit, kMaxRepeat + 1);
  }
  return value;
}

}  // namespace

Result<RegexNode> parse_regex(std::string_view pattern) {
  PARAPET_ASSIGN(PatternReader reader, PatternReader::open(pattern));
  return Parser(std::move(reader)).parse();
}

}  // namespace parapet
