// Walks the tree of a template and renders it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/ast.h"
#include "jinja/runtime.h"

namespace parapet::jinja {

// Names of one block; those of the blocks around it are found through `parent`.
struct Scope {
  std::vector<std::pair<std::string_view, Value>> names;
  std::shared_ptr<const Scope> parent;

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};
using ScopePtr = std::shared_ptr<Scope>;

class Interpreter {
 public:
  // All of them must outlive the interpreter.
  Interpreter(Runtime& runtime, const Dict& variables) : runtime_(runtime), variables_(variables) {}

  Result<OriginText> render(const Body& body);

  // A body with names of its own, rendered apart: macros, set blocks, calls of a recursive loop.
  Result<OriginText> render_body(const Body& body, const ScopePtr& scope);
  Result<OriginText> render_loop(const ForStatement& loop, const ScopePtr& scope,
                                 const Value& iterable, int depth);

  Result<Value> evaluate(const Expr& expr, const ScopePtr& scope);

 private:
  enum class Flow : std::uint8_t { kNext, kBreak, kContinue };

  // Statements: each appends to `out`.
  Result<Flow> execute(const Body& body, const ScopePtr& scope, OriginText& out);
  Result<Flow> execute(const Statement& statement, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const TextStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const OutputStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const IfStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const ForStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const SetStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const SetBlockStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const MacroStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const CallBlockStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const FilterBlockStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const WithStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const GenerationStatement& node, const ScopePtr& scope, OriginText& out);
  Result<Flow> run(const BreakStatement&, const ScopePtr&, OriginText&) { return Flow::kBreak; }
  Result<Flow> run(const ContinueStatement&, const ScopePtr&, OriginText&) {
    return Flow::kContinue;
  }

  Result<Flow> iterate_loop(const ForStatement& node, const ScopePtr& scope, const Value& iterable,
                            int depth, OriginText& out);
  Result<std::vector<Value>> loop_items(const ForStatement& node, const ScopePtr& scope,
                                        const Value& iterable);
  Status assign(const Target& target, const ScopePtr& scope, const Value& value);
  Status assign_attribute(const Target& target, const ScopePtr& scope, const Value& value);
  Status assign_tuple(const Target& target, const ScopePtr& scope, const Value& value);
  Status emit(OriginText& out, const OriginText& text);
  Status emit_text_value(OriginText& out, const Value& value);
  Result<Value> filter_block(const Expr& filtered, const Body& body, const ScopePtr& scope);

  // Expressions.
  Result<Value> compute(const LiteralExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const NameExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const ListExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const TupleExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const DictExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const AttributeExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const ItemExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const SliceExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const CallExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const FilterExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const TestExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const UnaryExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const BinaryExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const CompareExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const ConcatExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const ConditionalExpr& node, const Expr& expr, const ScopePtr& scope);
  Result<Value> compute(const BlockInputExpr& node, const Expr& expr, const ScopePtr& scope);

  Result<std::vector<Value>> evaluate_all(const std::vector<ExprPtr>& exprs, const ScopePtr& scope);
  Result<Value> evaluate_or_none(const ExprPtr& expr, const ScopePtr& scope);
  Result<Arguments> evaluate_arguments(const CallArguments& arguments, const ScopePtr& scope);
  Status add_keywords(const Value& keywords, Arguments& arguments);

  Runtime& runtime_;
  const Dict& variables_;
  Value block_input_;
};

// The value of {% macro %}, and of `caller` in {% call %}.
Result<Value> make_macro(Runtime& runtime, Interpreter& interpreter, const MacroNode& node,
                         ScopePtr scope);

}  // namespace parapet::jinja
