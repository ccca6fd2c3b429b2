// The expressions of the interpreter.
#include "base/check.h"
#include "jinja/access.h"
#include "jinja/builtins.h"
#include "jinja/compare.h"
#include "jinja/interpreter.h"
#include "jinja/objects.h"
#include "jinja/operators.h"
#include "jinja/printing.h"

namespace parapet::jinja {

Result<Value> Interpreter::evaluate(const Expr& expr, const ScopePtr& scope) {
  const Runtime::Depth depth(runtime_);
  runtime_.at(expr.line);
  PARAPET_TRY(depth.check());
  PARAPET_TRY(runtime_.step());
  auto result = std::visit([&](const auto& node) { return compute(node, expr, scope); }, expr.node);
  // Here, so that no operation can build what is too deep to be walked or freed.
  if (result.ok() && result->depth() > kMaxValueDepth) {
    return runtime_.error("a value nests deeper than " + std::to_string(kMaxValueDepth) +
                          " levels");
  }
  return result;
}

Result<std::vector<Value>> Interpreter::evaluate_all(const std::vector<ExprPtr>& exprs,
                                                     const ScopePtr& scope) {
  std::vector<Value> values;
  values.reserve(exprs.size());
  for (const ExprPtr& expr : exprs) {
    PARAPET_ASSIGN(Value value, evaluate(*expr, scope));
    values.push_back(std::move(value));
  }
  PARAPET_TRY(runtime_.spend(values.size() * sizeof(Value)));
  return values;
}

Result<Value> Interpreter::compute(const LiteralExpr& node, const Expr&, const ScopePtr&) {
  return node.value;
}

Result<Value> Interpreter::compute(const NameExpr& node, const Expr&, const ScopePtr& scope) {
  if (const Value* value = scope->find(node.name)) return *value;
  if (const Value* value = variables_.find_text(node.name)) return *value;
  if (auto global = find_global(node.name)) return *global;
  return Value::undefined("'" + node.name + "' is undefined");
}

Result<Value> Interpreter::compute(const ListExpr& node, const Expr&, const ScopePtr& scope) {
  PARAPET_ASSIGN(std::vector<Value> items, evaluate_all(node.items, scope));
  return make_list(std::move(items));
}

Result<Value> Interpreter::compute(const TupleExpr& node, const Expr&, const ScopePtr& scope) {
  PARAPET_ASSIGN(std::vector<Value> items, evaluate_all(node.items, scope));
  return make_tuple(std::move(items));
}

Result<Value> Interpreter::compute(const DictExpr& node, const Expr& expr, const ScopePtr& scope) {
  Dict dict;
  for (const auto& [key_expr, value_expr] : node.entries) {
    PARAPET_ASSIGN(Value key, evaluate(*key_expr, scope));
    PARAPET_ASSIGN(Value value, evaluate(*value_expr, scope));
    runtime_.at(expr.line);
    PARAPET_ASSIGN(std::string spelled, hash_key(runtime_, key));
    PARAPET_TRY(runtime_.spend(sizeof(Dict::Entry) + spelled.size()));
    dict.set(std::move(spelled), std::move(key), std::move(value));
  }
  return Value::of(std::move(dict));
}

Result<Value> Interpreter::compute(const AttributeExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  runtime_.at(expr.line);
  return get_attribute(runtime_, value, node.name);
}

Result<Value> Interpreter::compute(const ItemExpr& node, const Expr& expr, const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  PARAPET_ASSIGN(const Value key, evaluate(*node.key, scope));
  runtime_.at(expr.line);
  return get_item(runtime_, value, key);
}

Result<Value> Interpreter::evaluate_or_none(const ExprPtr& expr, const ScopePtr& scope) {
  if (!expr) return Value::none();
  return evaluate(*expr, scope);
}

Result<Value> Interpreter::compute(const SliceExpr& node, const Expr& expr, const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  Slice slice;
  PARAPET_ASSIGN(slice.start, evaluate_or_none(node.start, scope));
  PARAPET_ASSIGN(slice.stop, evaluate_or_none(node.stop, scope));
  PARAPET_ASSIGN(slice.step, evaluate_or_none(node.step, scope));
  runtime_.at(expr.line);
  return get_slice(runtime_, value, slice);
}

Status Interpreter::add_keywords(const Value& keywords, Arguments& arguments) {
  const Dict* dict = keywords.as_dict();
  if (dict == nullptr) return runtime_.error("the argument after ** must be a mapping");
  for (const auto& [key, value] : dict->entries) {
    const Text* name = key.as_text();
    if (name == nullptr) return runtime_.error("keywords must be strings");
    for (const auto& given : arguments.named) {
      if (given.first.text() == name->text.text()) {
        return runtime_.error("argument '" + name->text.text() + "' is given twice");
      }
    }
    PARAPET_TRY(runtime_.spend(sizeof(Dict::Entry) + name->text.size()));
    PARAPET_TRY(runtime_.step());
    arguments.named.emplace_back(name->text, value);
  }
  return {};
}

Result<Arguments> Interpreter::evaluate_arguments(const CallArguments& call,
                                                  const ScopePtr& scope) {
  Arguments arguments;
  PARAPET_ASSIGN(arguments.positional, evaluate_all(call.positional, scope));
  if (call.star) {
    PARAPET_ASSIGN(const Value values, evaluate(*call.star, scope));
    PARAPET_ASSIGN(const std::vector<Value> more, iterate(runtime_, values));
    arguments.positional.insert(arguments.positional.end(), more.begin(), more.end());
  }
  for (const auto& [name, expr] : call.named) {
    PARAPET_ASSIGN(Value value, evaluate(*expr, scope));
    arguments.named.emplace_back(OriginText(name, Origin::kTemplate), std::move(value));
  }
  if (call.star_star) {
    PARAPET_ASSIGN(const Value keywords, evaluate(*call.star_star, scope));
    PARAPET_TRY(add_keywords(keywords, arguments));
  }
  return arguments;
}

Result<Value> Interpreter::compute(const CallExpr& node, const Expr& expr, const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value callee, evaluate(*node.callee, scope));
  PARAPET_ASSIGN(const Arguments arguments, evaluate_arguments(node.arguments, scope));
  runtime_.at(expr.line);
  return call_value(runtime_, callee, arguments);
}

Result<Value> Interpreter::compute(const FilterExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  PARAPET_ASSIGN(const Arguments arguments, evaluate_arguments(node.arguments, scope));
  runtime_.at(expr.line);
  return apply_filter(runtime_, node.name, value, arguments);
}

Result<Value> Interpreter::compute(const TestExpr& node, const Expr& expr, const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  PARAPET_ASSIGN(const Arguments arguments, evaluate_arguments(node.arguments, scope));
  runtime_.at(expr.line);
  PARAPET_ASSIGN(const bool answer, apply_test(runtime_, node.name, value, arguments));
  return Value::boolean(answer);
}

Result<Value> Interpreter::compute(const UnaryExpr& node, const Expr& expr, const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value operand, evaluate(*node.operand, scope));
  runtime_.at(expr.line);
  return apply_unary(runtime_, node.op, operand);
}

Result<Value> Interpreter::compute(const BinaryExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  PARAPET_ASSIGN(Value left, evaluate(*node.left, scope));
  if (node.op == BinaryOp::kAnd && !is_true(left)) return left;
  if (node.op == BinaryOp::kOr && is_true(left)) return left;
  PARAPET_ASSIGN(Value right, evaluate(*node.right, scope));
  if (node.op == BinaryOp::kAnd || node.op == BinaryOp::kOr) return right;
  runtime_.at(expr.line);
  return apply_binary(runtime_, node.op, left, right);
}

Result<Value> Interpreter::compute(const CompareExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  PARAPET_ASSIGN(Value left, evaluate(*node.first, scope));
  Value answer;
  for (const auto& [op, operand] : node.rest) {
    PARAPET_ASSIGN(Value right, evaluate(*operand, scope));
    runtime_.at(expr.line);
    PARAPET_ASSIGN(answer, apply_compare(runtime_, op, left, right));
    if (!is_true(answer)) return answer;
    left = std::move(right);
  }
  return answer;
}

Result<Value> Interpreter::compute(const ConcatExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  OriginText joined;
  for (const ExprPtr& part : node.parts) {
    PARAPET_ASSIGN(const Value value, evaluate(*part, scope));
    runtime_.at(expr.line);
    PARAPET_ASSIGN(const OriginText text, to_text(runtime_, value));
    PARAPET_TRY(runtime_.spend(text.size()));
    joined.append(text);
  }
  return Value::text(std::move(joined));
}

Result<Value> Interpreter::compute(const ConditionalExpr& node, const Expr& expr,
                                   const ScopePtr& scope) {
  PARAPET_ASSIGN(const Value condition, evaluate(*node.condition, scope));
  if (is_true(condition)) return evaluate(*node.then, scope);
  if (node.otherwise) return evaluate(*node.otherwise, scope);
  return Value::undefined("the inline if-expression on line " + std::to_string(expr.line) +
                          " is false and has no else");
}

Result<Value> Interpreter::compute(const BlockInputExpr&, const Expr&, const ScopePtr&) {
  return block_input_;
}

}  // namespace parapet::jinja
