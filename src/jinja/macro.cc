// Macros: bodies that are called with arguments.
#include "base/check.h"
#include "jinja/interpreter.h"
#include "jinja/objects.h"

namespace parapet::jinja {
namespace {

class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, const MacroNode& node, ScopePtr scope)
      : interpreter_(interpreter), node_(node), scope_(std::move(scope)) {}

  std::string_view type_name() const override { return "Macro"; }
  bool callable() const override { return true; }
  std::optional<Value> attribute(std::string_view name) const override;
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override;
  void release() override { scope_ = nullptr; }

 private:
  Status bind_parameters(Runtime& runtime, const Arguments& arguments,
                         std::vector<bool>& named_used, const ScopePtr& scope) const;
  Status bind_rest(Runtime& runtime, const Arguments& arguments, std::vector<bool>& named_used,
                   const ScopePtr& scope) const;

  Interpreter& interpreter_;
  const MacroNode& node_;
  ScopePtr scope_;
};

// The named argument, marked as used; nullptr if it is not given.
const Value* take_named(const Arguments& arguments, std::string_view name,
                        std::vector<bool>& used) {
  for (std::size_t i = 0; i < arguments.named.size(); ++i) {
    if (used[i] || arguments.named[i].first.text() != name) continue;
    used[i] = true;
    return &arguments.named[i].second;
  }
  return nullptr;
}

std::optional<Value> Macro::attribute(std::string_view name) const {
  if (name == "name") return Value::text(node_.name, Origin::kTemplate);
  if (name == "arguments") {
    std::vector<Value> names;
    for (const Parameter& parameter : node_.parameters) {
      names.push_back(Value::text(parameter.name, Origin::kTemplate));
    }
    return make_tuple(std::move(names));
  }
  if (name == "catch_kwargs") return Value::boolean(node_.uses_kwargs);
  if (name == "catch_varargs") return Value::boolean(node_.uses_varargs);
  if (name == "caller") return Value::boolean(node_.uses_caller);
  return std::nullopt;
}

Status Macro::bind_parameters(Runtime& runtime, const Arguments& arguments,
                              std::vector<bool>& named_used, const ScopePtr& scope) const {
  std::vector<const Parameter*> defaulted;
  for (std::size_t i = 0; i < node_.parameters.size(); ++i) {
    const Parameter& parameter = node_.parameters[i];
    if (i < arguments.positional.size()) {
      scope->set(parameter.name, arguments.positional[i]);
    } else if (const Value* given = take_named(arguments, parameter.name, named_used)) {
      scope->set(parameter.name, *given);
    } else {
      scope->set(parameter.name,
                 Value::undefined("parameter '" + parameter.name + "' was not provided"));
      if (parameter.default_value) defaulted.push_back(&parameter);
    }
  }
  // Defaults are evaluated at the call and may use the parameters before them.
  for (const Parameter* parameter : defaulted) {
    PARAPET_ASSIGN(Value value, interpreter_.evaluate(*parameter->default_value, scope));
    scope->set(parameter->name, std::move(value));
  }
  PARAPET_TRY(runtime.step());
  return {};
}

// `caller`, `kwargs` and `varargs`; what nothing takes is an Error.
Status Macro::bind_rest(Runtime& runtime, const Arguments& arguments, std::vector<bool>& named_used,
                        const ScopePtr& scope) const {
  const auto is_parameter = [&](std::string_view name) {
    for (const Parameter& parameter : node_.parameters) {
      if (parameter.name == name) return true;
    }
    return false;
  };
  if (node_.uses_caller && !is_parameter("caller")) {
    const Value* caller = take_named(arguments, "caller", named_used);
    scope->set("caller",
               caller && !caller->is_none() ? *caller : Value::undefined("no caller defined"));
  }
  Dict rest;
  for (std::size_t i = 0; i < arguments.named.size(); ++i) {
    const auto& [name, value] = arguments.named[i];
    if (named_used[i]) continue;
    if (!node_.uses_kwargs) {
      return runtime.error("macro '" + node_.name + "' takes no keyword argument '" + name.text() +
                           "'");
    }
    rest.set_text(name, value);
  }
  if (node_.uses_kwargs) scope->set("kwargs", Value::of(std::move(rest)));
  const std::size_t count = node_.parameters.size();
  if (node_.uses_varargs) {
    std::vector<Value> more;
    for (std::size_t i = count; i < arguments.positional.size(); ++i) {
      more.push_back(arguments.positional[i]);
    }
    scope->set("varargs", make_tuple(std::move(more)));
  } else if (arguments.positional.size() > count) {
    return runtime.error("macro '" + node_.name + "' takes not more than " + std::to_string(count) +
                         " argument(s)");
  }
  return {};
}

Result<Value> Macro::call(Runtime& runtime, const Arguments& arguments) {
  const int line = runtime.line();
  const auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  std::vector<bool> named_used(arguments.named.size(), false);
  PARAPET_TRY(bind_parameters(runtime, arguments, named_used, scope));
  runtime.at(line);
  PARAPET_TRY(bind_rest(runtime, arguments, named_used, scope));
  PARAPET_ASSIGN(OriginText text, interpreter_.render_body(node_.body, scope));
  runtime.at(line);
  return Value::text(std::move(text));
}

}  // namespace

Result<Value> make_macro(Runtime& runtime, Interpreter& interpreter, const MacroNode& node,
                         ScopePtr scope) {
  auto macro = std::make_shared<Macro>(interpreter, node, std::move(scope));
  PARAPET_TRY(runtime.own(macro));
  return Value::of(std::static_pointer_cast<Object>(std::move(macro)));
}

}  // namespace parapet::jinja
