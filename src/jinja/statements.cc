// The statements of the interpreter.
#include <utility>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/interpreter.h"
#include "jinja/loop.h"
#include "jinja/objects.h"
#include "jinja/printing.h"

namespace parapet::jinja {
namespace {

ScopePtr inner_scope(const ScopePtr& parent) {
  auto scope = std::make_shared<Scope>();
  scope->parent = parent;
  return scope;
}

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (const auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, current] : names) {
    if (known == name) {
      current = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

Result<OriginText> Interpreter::render(const Body& body) {
  return render_body(body, std::make_shared<Scope>());
}

Result<OriginText> Interpreter::render_body(const Body& body, const ScopePtr& scope) {
  OriginText out;
  PARAPET_TRY(execute(body, scope, out));
  return out;
}

Result<OriginText> Interpreter::render_loop(const ForStatement& loop, const ScopePtr& scope,
                                            const Value& iterable, int depth) {
  OriginText out;
  PARAPET_TRY(iterate_loop(loop, scope, iterable, depth, out));
  return out;
}

Result<Interpreter::Flow> Interpreter::execute(const Body& body, const ScopePtr& scope,
                                               OriginText& out) {
  const Runtime::Depth depth(runtime_);
  PARAPET_TRY(depth.check());
  for (const Statement& statement : body) {
    PARAPET_ASSIGN(const Flow flow, execute(statement, scope, out));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute(const Statement& statement, const ScopePtr& scope,
                                               OriginText& out) {
  runtime_.at(statement.line);
  PARAPET_TRY(runtime_.step());
  return std::visit([&](const auto& node) { return run(node, scope, out); }, statement.node);
}

Status Interpreter::emit(OriginText& out, const OriginText& text) {
  PARAPET_TRY(runtime_.spend(text.size()));
  const std::size_t limit = runtime_.limits().max_output;
  if (text.size() > limit - out.size()) {
    return runtime_.error("the output is longer than " + std::to_string(limit) + " bytes");
  }
  out.append(text);
  return {};
}

// Of blocks that print what a filter or call answers: it must be text already.
Status Interpreter::emit_text_value(OriginText& out, const Value& value) {
  if (const Text* text = value.as_text()) return emit(out, text->text);
  return runtime_.error("the block must give a string, not '" + std::string(value.type_name()) +
                        "'");
}

Result<Interpreter::Flow> Interpreter::run(const TextStatement& node, const ScopePtr&,
                                           OriginText& out) {
  PARAPET_TRY(emit(out, node.text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const OutputStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  runtime_.at(node.value->line);
  PARAPET_ASSIGN(const OriginText text, to_text(runtime_, value));
  PARAPET_TRY(emit(out, text));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const IfStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  for (const auto& [condition, body] : node.branches) {
    PARAPET_ASSIGN(const Value value, evaluate(*condition, scope));
    if (is_true(value)) return execute(body, scope, out);
  }
  return execute(node.otherwise, scope, out);
}

Result<Interpreter::Flow> Interpreter::run(const ForStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  PARAPET_ASSIGN(const Value iterable, evaluate(*node.iterable, scope));
  return iterate_loop(node, scope, iterable, 0, out);
}

// The elements that pass the loop's `if`.
Result<std::vector<Value>> Interpreter::loop_items(const ForStatement& node, const ScopePtr& scope,
                                                   const Value& iterable) {
  PARAPET_ASSIGN(std::vector<Value> items, iterate(runtime_, iterable));
  if (!node.condition) return items;
  std::vector<Value> passed;
  for (Value& item : items) {
    const ScopePtr inner = inner_scope(scope);
    PARAPET_TRY(assign(node.target, inner, item));
    PARAPET_ASSIGN(const Value condition, evaluate(*node.condition, inner));
    if (is_true(condition)) passed.push_back(std::move(item));
  }
  return passed;
}

Result<Interpreter::Flow> Interpreter::iterate_loop(const ForStatement& node, const ScopePtr& scope,
                                                    const Value& iterable, int depth,
                                                    OriginText& out) {
  PARAPET_ASSIGN(std::vector<Value> items, loop_items(node, scope, iterable));
  if (items.empty()) return execute(node.otherwise, inner_scope(scope), out);
  const auto loop = std::make_shared<Loop>(std::move(items), depth);
  if (node.recursive) loop->make_recursive(*this, node, scope);
  for (; !loop->done(); loop->advance()) {
    PARAPET_TRY(runtime_.step());
    const ScopePtr inner = inner_scope(scope);
    inner->set("loop", Value::of(std::static_pointer_cast<Object>(loop)));
    PARAPET_TRY(assign(node.target, inner, loop->current()));
    PARAPET_ASSIGN(const Flow flow, execute(node.body, inner, out));
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

Status Interpreter::assign(const Target& target, const ScopePtr& scope, const Value& value) {
  if (target.is_tuple) return assign_tuple(target, scope, value);
  if (!target.attribute.empty()) return assign_attribute(target, scope, value);
  scope->set(target.name, value);
  return {};
}

Status Interpreter::assign_attribute(const Target& target, const ScopePtr& scope,
                                     const Value& value) {
  runtime_.at(target.line);
  const Value* holder = scope->find(target.name);
  if (holder == nullptr) holder = variables_.find_text(target.name);
  auto* object = holder ? dynamic_cast<Namespace*>(holder->as_object()) : nullptr;
  if (object == nullptr) {
    return runtime_.error("cannot assign attribute on '" + target.name +
                          "': only a namespace() has attributes that can be set");
  }
  object->set(OriginText(target.attribute, Origin::kTemplate), value);
  return {};
}

Status Interpreter::assign_tuple(const Target& target, const ScopePtr& scope, const Value& value) {
  runtime_.at(target.line);
  if (const Undefined* undefined = value.as_undefined()) return runtime_.error(undefined->problem);
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(runtime_, value));
  if (items.size() != target.targets.size()) {
    return runtime_.error("cannot unpack " + std::to_string(items.size()) + " values into " +
                          std::to_string(target.targets.size()) + " names");
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    PARAPET_TRY(assign(target.targets[i], scope, items[i]));
  }
  return {};
}

Result<Interpreter::Flow> Interpreter::run(const SetStatement& node, const ScopePtr& scope,
                                           OriginText&) {
  PARAPET_ASSIGN(const Value value, evaluate(*node.value, scope));
  PARAPET_TRY(assign(node.target, scope, value));
  return Flow::kNext;
}

// Renders the body and passes it through the filters.
Result<Value> Interpreter::filter_block(const Expr& filtered, const Body& body,
                                        const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope);
  PARAPET_ASSIGN(OriginText text, render_body(body, inner));
  const Value outer_input = std::exchange(block_input_, Value::text(std::move(text)));
  auto result = evaluate(filtered, inner);
  block_input_ = outer_input;
  return result;
}

Result<Interpreter::Flow> Interpreter::run(const SetBlockStatement& node, const ScopePtr& scope,
                                           OriginText&) {
  PARAPET_ASSIGN(const Value value, filter_block(*node.filtered, node.body, scope));
  PARAPET_TRY(assign(node.target, scope, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const FilterBlockStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  PARAPET_ASSIGN(const Value value, filter_block(*node.filtered, node.body, scope));
  PARAPET_TRY(emit_text_value(out, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const MacroStatement& node, const ScopePtr& scope,
                                           OriginText&) {
  PARAPET_ASSIGN(Value macro, make_macro(runtime_, *this, *node.macro, scope));
  scope->set(node.macro->name, std::move(macro));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const CallBlockStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  const auto& call = std::get<CallExpr>(node.call->node);
  PARAPET_ASSIGN(const Value callee, evaluate(*call.callee, scope));
  PARAPET_ASSIGN(Arguments arguments, evaluate_arguments(call.arguments, scope));
  PARAPET_ASSIGN(Value caller, make_macro(runtime_, *this, *node.caller, scope));
  arguments.named.emplace_back(OriginText("caller", Origin::kTemplate), std::move(caller));
  runtime_.at(node.call->line);
  PARAPET_ASSIGN(const Value result, call_value(runtime_, callee, arguments));
  PARAPET_TRY(emit_text_value(out, result));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::run(const WithStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  const ScopePtr inner = inner_scope(scope);
  for (const auto& [target, expr] : node.assignments) {
    PARAPET_ASSIGN(const Value value, evaluate(*expr, scope));
    PARAPET_TRY(assign(target, inner, value));
  }
  return execute(node.body, inner, out);
}

Result<Interpreter::Flow> Interpreter::run(const GenerationStatement& node, const ScopePtr& scope,
                                           OriginText& out) {
  return execute(node.body, inner_scope(scope), out);
}

}  // namespace parapet::jinja
