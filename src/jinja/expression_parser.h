// Expressions, by recursive descent with Jinja's precedence:
//   if-else < or < and < not < comparisons < + - < ~ < * / // % < ** < unary < postfix and filters
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "jinja/ast.h"
#include "jinja/token_stream.h"

namespace parapet::jinja {

// Of the deepest tree among them; 0 for none.
int depth_of(const ExprPtr& expr);
int depth_of(const std::vector<ExprPtr>& exprs);
int depth_of(const CallArguments& arguments);

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  enum class Conditional : bool { kForbidden, kAllowed };

  Result<ExprPtr> expression(Conditional conditional = Conditional::kAllowed);
  // An expression or, where commas follow, a tuple. It ends before `end_name` too.
  Result<ExprPtr> tuple(Conditional conditional = Conditional::kAllowed,
                        std::string_view end_name = "");
  // `|filter|filter` over BlockInputExpr; `bare`: the first filter has no pipe ({% filter x %}).
  Result<ExprPtr> block_filters(bool bare);

  // In the branches of a conditional an unknown filter or test is an error only when it is reached,
  // as in Jinja; elsewhere it is refused at once. Whether a conditional follows shows only after
  // its value was parsed, so unknown names are noted first and forgiven or refused later.
  std::size_t unknown_names() const { return unknown_.size(); }
  void forgive_unknown_names(std::size_t since) { unknown_.resize(since, Error{}); }
  Status refuse_unknown_names(std::size_t since) const;

  // Called with each name that is read: macros need to know whether they read `caller`.
  void on_name(std::function<void(std::string_view)> listener) { on_name_ = std::move(listener); }

 private:
  // Guards the parser's own recursion.
  class Nesting;

  // A node above children of that depth.
  template <class Node>
  Result<ExprPtr> make(int line, Node node, int children_depth) {
    PARAPET_TRY(check_depth(line, children_depth + 1));
    return ExprPtr(std::make_unique<const Expr>(Expr{std::move(node), line, children_depth + 1}));
  }
  Status check_depth(int line, int depth) const;

  Result<ExprPtr> or_expression();
  Result<ExprPtr> and_expression();
  Result<ExprPtr> not_expression();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary(bool with_filters);
  Result<ExprPtr> primary();
  Result<ExprPtr> name();
  Result<ExprPtr> number();
  Result<ExprPtr> parenthesized();
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> postfix(ExprPtr value);
  Result<ExprPtr> filters_and_tests(ExprPtr value);
  Result<ExprPtr> attribute(ExprPtr value);
  Result<ExprPtr> subscript(ExprPtr value);
  Result<ExprPtr> subscript_index(ExprPtr value, int line);
  Result<ExprPtr> slice_bound();
  Result<ExprPtr> call(ExprPtr callee);
  Result<ExprPtr> filter(ExprPtr value);
  Result<ExprPtr> test(ExprPtr value);
  Result<CallArguments> call_arguments();
  Status call_argument(CallArguments& arguments);
  Result<std::string> dotted_name();
  Result<std::optional<CompareOp>> compare_operator();
  bool at_tuple_end(std::string_view end_name) const;

  TokenStream& tokens_;
  int nesting_ = 0;
  std::vector<Error> unknown_;
  std::function<void(std::string_view)> on_name_;
};

}  // namespace parapet::jinja
