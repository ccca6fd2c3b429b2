// The objects that templates make: namespaces, and functions of ours.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

// namespace(): the one thing whose attributes a template may set.
class Namespace : public Object {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  std::optional<Value> attribute(std::string_view name) const override;
  void release() override { attributes_ = {}; }

  void set(OriginText name, Value value) {
    attributes_.set_text(std::move(name), std::move(value));
  }

 private:
  Dict attributes_;
};

// A function of the engine, bound to what it needs.
class Function : public Object {
 public:
  using Body = std::function<Result<Value>(Runtime&, const Arguments&)>;

  Function(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}

  static Value make(std::string name, Body body) {
    return Value::of(std::make_shared<Function>(std::move(name), std::move(body)));
  }

  std::string_view type_name() const override { return "function"; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override {
    return body_(runtime, arguments);
  }

 private:
  std::string name_;
  Body body_;
};

// Calls any value; one that cannot be called is an Error.
Result<Value> call_value(Runtime& runtime, const Value& callee, const Arguments& arguments);

}  // namespace parapet::jinja
