#include "jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "jinja/number.h"

namespace parapet::jinja {
namespace {

Value literal_text(std::string_view text) { return Value::text(text, Origin::kTemplate); }

}  // namespace

class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) { ++parser_.nesting_; }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  Status check() const { return parser_.check_depth(parser_.tokens_.line(), parser_.nesting_); }

 private:
  ExpressionParser& parser_;
};

int depth_of(const ExprPtr& expr) { return expr ? expr->depth : 0; }

int depth_of(const std::vector<ExprPtr>& exprs) {
  int depth = 0;
  for (const ExprPtr& expr : exprs) depth = std::max(depth, depth_of(expr));
  return depth;
}

int depth_of(const CallArguments& arguments) {
  int depth = std::max(
      {depth_of(arguments.positional), depth_of(arguments.star), depth_of(arguments.star_star)});
  for (const auto& named : arguments.named) depth = std::max(depth, depth_of(named.second));
  return depth;
}

Status ExpressionParser::check_depth(int line, int depth) const {
  if (depth <= kMaxParseDepth) return {};
  return tokens_.unsupported(
      line, "expression nests deeper than " + std::to_string(kMaxParseDepth) + " levels");
}

Result<ExprPtr> ExpressionParser::expression(Conditional conditional) {
  const Nesting nesting(*this);
  PARAPET_TRY(nesting.check());
  if (conditional == Conditional::kForbidden) return or_expression();
  const std::size_t unknown = unknown_names();
  int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr value, or_expression());
  while (tokens_.skip_name("if")) {
    PARAPET_ASSIGN(ExprPtr condition, or_expression());
    ExprPtr otherwise;
    if (tokens_.skip_name("else")) {
      PARAPET_ASSIGN(otherwise, expression());
    }
    forgive_unknown_names(unknown);
    const int depth = std::max({depth_of(value), depth_of(condition), depth_of(otherwise)});
    PARAPET_ASSIGN(
        value,
        make(line, ConditionalExpr{std::move(condition), std::move(value), std::move(otherwise)},
             depth));
    line = tokens_.line();
  }
  return value;
}

Status ExpressionParser::refuse_unknown_names(std::size_t since) const {
  if (unknown_.size() > since) return unknown_[since];
  return {};
}

bool ExpressionParser::at_tuple_end(std::string_view end_name) const {
  const Token& token = tokens_.current();
  return token.is(TokenKind::kVariableEnd) || token.is(TokenKind::kBlockEnd) ||
         token.is_operator(")") || (!end_name.empty() && token.is_name(end_name));
}

Result<ExprPtr> ExpressionParser::tuple(Conditional conditional, std::string_view end_name) {
  const int line = tokens_.line();
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (!at_tuple_end(end_name)) {
    PARAPET_ASSIGN(ExprPtr item, expression(conditional));
    items.push_back(std::move(item));
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items.front());
  if (!is_tuple) {
    return tokens_.syntax_error("expected an expression, found " +
                                TokenStream::describe(tokens_.current()));
  }
  const int depth = depth_of(items);
  return make(line, TupleExpr{std::move(items)}, depth);
}

Result<ExprPtr> ExpressionParser::or_expression() {
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr left, and_expression());
  while (tokens_.skip_name("or")) {
    PARAPET_ASSIGN(ExprPtr right, and_expression());
    const int depth = std::max(depth_of(left), depth_of(right));
    PARAPET_ASSIGN(left,
                   make(line, BinaryExpr{BinaryOp::kOr, std::move(left), std::move(right)}, depth));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::and_expression() {
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr left, not_expression());
  while (tokens_.skip_name("and")) {
    PARAPET_ASSIGN(ExprPtr right, not_expression());
    const int depth = std::max(depth_of(left), depth_of(right));
    PARAPET_ASSIGN(
        left, make(line, BinaryExpr{BinaryOp::kAnd, std::move(left), std::move(right)}, depth));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::not_expression() {
  const int line = tokens_.line();
  if (!tokens_.skip_name("not")) return comparison();
  const Nesting nesting(*this);
  PARAPET_TRY(nesting.check());
  PARAPET_ASSIGN(ExprPtr operand, not_expression());
  const int depth = depth_of(operand);
  return make(line, UnaryExpr{UnaryOp::kNot, std::move(operand)}, depth);
}

Result<std::optional<CompareOp>> ExpressionParser::compare_operator() {
  static constexpr std::pair<std::string_view, CompareOp> kOperators[] = {
      {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
      {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual},
  };
  for (const auto& [text, op] : kOperators) {
    if (tokens_.skip_operator(text)) return std::optional(op);
  }
  if (tokens_.skip_name("in")) return std::optional(CompareOp::kIn);
  if (tokens_.current().is_name("not") && tokens_.next().is_name("in")) {
    tokens_.skip();
    tokens_.skip();
    return std::optional(CompareOp::kNotIn);
  }
  return std::optional<CompareOp>();
}

Result<ExprPtr> ExpressionParser::comparison() {
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr first, sum());
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
  int depth = depth_of(first);
  while (true) {
    PARAPET_ASSIGN(const auto op, compare_operator());
    if (!op) break;
    PARAPET_ASSIGN(ExprPtr operand, sum());
    depth = std::max(depth, depth_of(operand));
    rest.emplace_back(*op, std::move(operand));
  }
  if (rest.empty()) return first;
  return make(line, CompareExpr{std::move(first), std::move(rest)}, depth);
}

Result<ExprPtr> ExpressionParser::sum() {
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr left, concatenation());
  while (tokens_.current().is_operator("+") || tokens_.current().is_operator("-")) {
    const BinaryOp op = tokens_.take().text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    PARAPET_ASSIGN(ExprPtr right, concatenation());
    const int depth = std::max(depth_of(left), depth_of(right));
    PARAPET_ASSIGN(left, make(line, BinaryExpr{op, std::move(left), std::move(right)}, depth));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::concatenation() {
  const int line = tokens_.line();
  std::vector<ExprPtr> parts;
  do {
    PARAPET_ASSIGN(ExprPtr part, product());
    parts.push_back(std::move(part));
  } while (tokens_.skip_operator("~"));
  if (parts.size() == 1) return std::move(parts.front());
  const int depth = depth_of(parts);
  return make(line, ConcatExpr{std::move(parts)}, depth);
}

Result<ExprPtr> ExpressionParser::product() {
  static constexpr std::pair<std::string_view, BinaryOp> kOperators[] = {
      {"*", BinaryOp::kMultiply},
      {"/", BinaryOp::kDivide},
      {"//", BinaryOp::kFloorDivide},
      {"%", BinaryOp::kModulo},
  };
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr left, power());
  while (true) {
    const auto* const op = std::find_if(std::begin(kOperators), std::end(kOperators), [&](auto& o) {
      return tokens_.current().is_operator(o.first);
    });
    if (op == std::end(kOperators)) return left;
    tokens_.skip();
    PARAPET_ASSIGN(ExprPtr right, power());
    const int depth = std::max(depth_of(left), depth_of(right));
    PARAPET_ASSIGN(left,
                   make(line, BinaryExpr{op->second, std::move(left), std::move(right)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::power() {
  const int line = tokens_.line();
  PARAPET_ASSIGN(ExprPtr left, unary(/*with_filters=*/true));
  while (tokens_.skip_operator("**")) {
    PARAPET_ASSIGN(ExprPtr right, unary(/*with_filters=*/true));
    const int depth = std::max(depth_of(left), depth_of(right));
    PARAPET_ASSIGN(
        left, make(line, BinaryExpr{BinaryOp::kPower, std::move(left), std::move(right)}, depth));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::unary(bool with_filters) {
  const int line = tokens_.line();
  ExprPtr value;
  if (tokens_.current().is_operator("-") || tokens_.current().is_operator("+")) {
    const UnaryOp op = tokens_.take().text == "-" ? UnaryOp::kMinus : UnaryOp::kPlus;
    const Nesting nesting(*this);
    PARAPET_TRY(nesting.check());
    PARAPET_ASSIGN(ExprPtr operand, unary(/*with_filters=*/false));
    const int depth = depth_of(operand);
    PARAPET_ASSIGN(value, make(line, UnaryExpr{op, std::move(operand)}, depth));
  } else {
    PARAPET_ASSIGN(value, primary());
  }
  PARAPET_ASSIGN(value, postfix(std::move(value)));
  if (!with_filters) return value;
  return filters_and_tests(std::move(value));
}

Result<ExprPtr> ExpressionParser::primary() {
  const Token& token = tokens_.current();
  switch (token.kind) {
    case TokenKind::kName: return name();
    case TokenKind::kInteger:
    case TokenKind::kFloat: return number();
    case TokenKind::kString: {
      const int line = token.line;
      std::string text;
      while (tokens_.current().is(TokenKind::kString)) text += tokens_.take().text;
      return make(line, LiteralExpr{literal_text(text)}, 0);
    }
    default: break;
  }
  if (token.is_operator("(")) return parenthesized();
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  return tokens_.syntax_error("unexpected " + TokenStream::describe(token));
}

Result<ExprPtr> ExpressionParser::name() {
  const Token token = tokens_.take();
  if (token.text == "true" || token.text == "True" || token.text == "false" ||
      token.text == "False") {
    const bool value = token.text == "true" || token.text == "True";
    return make(token.line, LiteralExpr{Value::boolean(value, Origin::kTemplate)}, 0);
  }
  if (token.text == "none" || token.text == "None") {
    return make(token.line, LiteralExpr{Value::none(Origin::kTemplate)}, 0);
  }
  if (on_name_) on_name_(token.text);
  return make(token.line, NameExpr{token.text}, 0);
}

Result<ExprPtr> ExpressionParser::number() {
  const Token token = tokens_.take();
  if (token.is(TokenKind::kInteger)) {
    const auto value = parse_int(token.text, 0);
    if (!value) {
      return tokens_.unsupported(token.line, "integer " + token.text + " does not fit in 64 bits");
    }
    return make(token.line, LiteralExpr{Value::integer(*value, Origin::kTemplate)}, 0);
  }
  const auto value = parse_float(token.text);
  if (!value) return tokens_.syntax_error(token.line, "bad number '" + token.text + "'");
  return make(token.line, LiteralExpr{Value::real(*value, Origin::kTemplate)}, 0);
}

Result<ExprPtr> ExpressionParser::parenthesized() {
  const int line = tokens_.line();
  PARAPET_TRY(tokens_.expect_operator("("));
  if (tokens_.skip_operator(")")) return make(line, TupleExpr{}, 0);
  PARAPET_ASSIGN(ExprPtr inside, tuple());
  PARAPET_TRY(tokens_.expect_operator(")"));
  return inside;
}

Result<ExprPtr> ExpressionParser::list() {
  const int line = tokens_.line();
  PARAPET_TRY(tokens_.expect_operator("["));
  std::vector<ExprPtr> items;
  while (!tokens_.current().is_operator("]")) {
    PARAPET_ASSIGN(ExprPtr item, expression());
    items.push_back(std::move(item));
    if (!tokens_.skip_operator(",")) break;
  }
  PARAPET_TRY(tokens_.expect_operator("]"));
  const int depth = depth_of(items);
  return make(line, ListExpr{std::move(items)}, depth);
}

Result<ExprPtr> ExpressionParser::dict() {
  const int line = tokens_.line();
  PARAPET_TRY(tokens_.expect_operator("{"));
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
  int depth = 0;
  while (!tokens_.current().is_operator("}")) {
    PARAPET_ASSIGN(ExprPtr key, expression());
    PARAPET_TRY(tokens_.expect_operator(":"));
    PARAPET_ASSIGN(ExprPtr value, expression());
    depth = std::max({depth, depth_of(key), depth_of(value)});
    entries.emplace_back(std::move(key), std::move(value));
    if (!tokens_.skip_operator(",")) break;
  }
  PARAPET_TRY(tokens_.expect_operator("}"));
  return make(line, DictExpr{std::move(entries)}, depth);
}

}  // namespace parapet::jinja
