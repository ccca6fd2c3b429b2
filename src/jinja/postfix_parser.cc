// The part of ExpressionParser that follows a value: attributes, subscripts, calls, filters, tests.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "jinja/builtins.h"
#include "jinja/expression_parser.h"
#include "jinja/number.h"

namespace parapet::jinja {

Result<ExprPtr> ExpressionParser::postfix(ExprPtr value) {
  while (true) {
    if (tokens_.current().is_operator(".")) {
      PARAPET_ASSIGN(value, attribute(std::move(value)));
    } else if (tokens_.current().is_operator("[")) {
      PARAPET_ASSIGN(value, subscript(std::move(value)));
    } else if (tokens_.current().is_operator("(")) {
      PARAPET_ASSIGN(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExprPtr> ExpressionParser::filters_and_tests(ExprPtr value) {
  while (true) {
    if (tokens_.skip_operator("|")) {
      PARAPET_ASSIGN(value, filter(std::move(value)));
    } else if (tokens_.skip_name("is")) {
      PARAPET_ASSIGN(value, test(std::move(value)));
    } else if (tokens_.current().is_operator("(")) {
      PARAPET_ASSIGN(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExprPtr> ExpressionParser::block_filters(bool bare) {
  PARAPET_ASSIGN(ExprPtr value, make(tokens_.line(), BlockInputExpr{}, 0));
  if (bare) {
    PARAPET_ASSIGN(value, filter(std::move(value)));
  }
  while (tokens_.skip_operator("|")) {
    PARAPET_ASSIGN(value, filter(std::move(value)));
  }
  return value;
}

Result<ExprPtr> ExpressionParser::attribute(ExprPtr value) {
  const int line = tokens_.take().line;
  const int depth = value->depth;
  if (tokens_.current().is(TokenKind::kName)) {
    return make(line, AttributeExpr{std::move(value), tokens_.take().text}, depth);
  }
  if (!tokens_.current().is(TokenKind::kInteger)) {
    return tokens_.syntax_error("expected a name or a number after '.'");
  }
  PARAPET_ASSIGN(ExprPtr index, number());
  return make(line, ItemExpr{std::move(value), std::move(index)}, depth);
}

Result<ExprPtr> ExpressionParser::subscript(ExprPtr value) {
  const int line = tokens_.take().line;
  PARAPET_ASSIGN(ExprPtr item, subscript_index(std::move(value), line));
  PARAPET_TRY(tokens_.expect_operator("]"));
  return item;
}

// After '[': an index, a slice, or a tuple of indices.
Result<ExprPtr> ExpressionParser::subscript_index(ExprPtr value, int line) {
  const int value_depth = value->depth;
  ExprPtr start;
  if (!tokens_.current().is_operator(":")) {
    PARAPET_ASSIGN(start, tuple(Conditional::kAllowed, ""));
  }
  if (!tokens_.skip_operator(":")) {
    const int depth = std::max(value_depth, start->depth);
    return make(line, ItemExpr{std::move(value), std::move(start)}, depth);
  }
  PARAPET_ASSIGN(ExprPtr stop, slice_bound());
  ExprPtr step;
  if (tokens_.skip_operator(":")) {
    PARAPET_ASSIGN(step, slice_bound());
  }
  int depth = value_depth;
  for (const ExprPtr* bound : {&start, &stop, &step}) {
    if (*bound) depth = std::max(depth, (*bound)->depth);
  }
  return make(line, SliceExpr{std::move(value), std::move(start), std::move(stop), std::move(step)},
              depth);
}

Result<ExprPtr> ExpressionParser::slice_bound() {
  const Token& token = tokens_.current();
  if (token.is_operator(":") || token.is_operator("]")) return ExprPtr();
  return expression();
}

Result<ExprPtr> ExpressionParser::call(ExprPtr callee) {
  const int line = tokens_.line();
  PARAPET_ASSIGN(CallArguments arguments, call_arguments());
  const int depth = std::max(callee->depth, depth_of(arguments));
  return make(line, CallExpr{std::move(callee), std::move(arguments)}, depth);
}

Result<CallArguments> ExpressionParser::call_arguments() {
  CallArguments arguments;
  PARAPET_TRY(tokens_.expect_operator("("));
  while (!tokens_.current().is_operator(")")) {
    PARAPET_TRY(call_argument(arguments));
    if (!tokens_.skip_operator(",")) break;
  }
  PARAPET_TRY(tokens_.expect_operator(")"));
  return arguments;
}

Status ExpressionParser::call_argument(CallArguments& arguments) {
  const auto misplaced = [&] {
    return tokens_.syntax_error("this kind of argument cannot follow the ones before it");
  };
  if (tokens_.skip_operator("**")) {
    if (arguments.star_star) return misplaced();
    PARAPET_ASSIGN(arguments.star_star, expression());
  } else if (tokens_.skip_operator("*")) {
    if (arguments.star || arguments.star_star) return misplaced();
    PARAPET_ASSIGN(arguments.star, expression());
  } else if (tokens_.current().is(TokenKind::kName) && tokens_.next().is_operator("=")) {
    if (arguments.star_star) return misplaced();
    std::string name = tokens_.take().text;
    for (const auto& named : arguments.named) {
      if (named.first == name)
        return tokens_.syntax_error("argument '" + name + "' is given twice");
    }
    tokens_.skip();
    PARAPET_ASSIGN(ExprPtr value, expression());
    arguments.named.emplace_back(std::move(name), std::move(value));
  } else {
    if (arguments.star || arguments.star_star || !arguments.named.empty()) return misplaced();
    PARAPET_ASSIGN(ExprPtr value, expression());
    arguments.positional.push_back(std::move(value));
  }
  return {};
}

Result<std::string> ExpressionParser::dotted_name() {
  PARAPET_ASSIGN(std::string name, tokens_.expect_name());
  while (tokens_.skip_operator(".")) {
    PARAPET_ASSIGN(const std::string part, tokens_.expect_name());
    name += "." + part;
  }
  return name;
}

Result<ExprPtr> ExpressionParser::filter(ExprPtr value) {
  const int line = tokens_.line();
  PARAPET_ASSIGN(std::string name, dotted_name());
  if (!is_filter(name)) {
    unknown_.push_back(tokens_.unsupported(line, "no filter named '" + name + "'"));
  }
  CallArguments arguments;
  if (tokens_.current().is_operator("(")) {
    PARAPET_ASSIGN(arguments, call_arguments());
  }
  const int depth = std::max(value->depth, depth_of(arguments));
  return make(line, FilterExpr{std::move(value), std::move(name), std::move(arguments)}, depth);
}

Result<ExprPtr> ExpressionParser::test(ExprPtr value) {
  const int line = tokens_.line();
  const bool negated = tokens_.skip_name("not");
  PARAPET_ASSIGN(std::string name, dotted_name());
  if (!is_test(name)) {
    unknown_.push_back(tokens_.unsupported(line, "no test named '" + name + "'"));
  }
  CallArguments arguments;
  const Token& token = tokens_.current();
  if (token.is_operator("(")) {
    PARAPET_ASSIGN(arguments, call_arguments());
  } else if (token.is_name("is")) {
    return tokens_.syntax_error("tests cannot be chained with 'is'");
  } else if (token.is(TokenKind::kString) || token.is(TokenKind::kInteger) ||
             token.is(TokenKind::kFloat) || token.is_operator("[") || token.is_operator("{") ||
             (token.is(TokenKind::kName) && !token.is_name("else") && !token.is_name("or") &&
              !token.is_name("and"))) {
    PARAPET_ASSIGN(ExprPtr argument, primary());
    PARAPET_ASSIGN(argument, postfix(std::move(argument)));
    arguments.positional.push_back(std::move(argument));
  }
  const int depth = std::max(value->depth, depth_of(arguments));
  PARAPET_ASSIGN(
      ExprPtr tested,
      make(line, TestExpr{std::move(value), std::move(name), std::move(arguments)}, depth));
  if (!negated) return tested;
  return make(line, UnaryExpr{UnaryOp::kNot, std::move(tested)}, depth + 1);
}

}  // namespace parapet::jinja
