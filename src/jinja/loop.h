// The variable `loop` of a for statement.
#pragma once

#include <memory>
#include <vector>

#include "jinja/interpreter.h"
#include "jinja/value.h"

namespace parapet::jinja {

class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::vector<Value> items, int depth) : items_(std::move(items)), depth_(depth) {}

  // `loop(children)` renders the same loop over other elements.
  void make_recursive(Interpreter& interpreter, const ForStatement& node, ScopePtr scope) {
    interpreter_ = &interpreter;
    node_ = &node;
    scope_ = std::move(scope);
  }

  bool done() const { return index_ >= items_.size(); }
  void advance() { ++index_; }
  const Value& current() const { return items_[index_]; }

  std::string_view type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(std::string_view name) const override;
  bool callable() const override { return interpreter_ != nullptr; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override;
  std::optional<std::string> printed() const override;
  void release() override { last_changed_.reset(); }

 private:
  std::optional<std::int64_t> number(std::string_view name) const;
  Result<Value> cycle(Runtime& runtime, const Arguments& arguments) const;
  Result<Value> changed(Runtime& runtime, const Arguments& arguments);

  std::vector<Value> items_;
  std::size_t index_ = 0;
  int depth_;
  std::optional<Value> last_changed_;  // the arguments of the last changed()
  Interpreter* interpreter_ = nullptr;
  const ForStatement* node_ = nullptr;
  ScopePtr scope_;
};

}  // namespace parapet::jinja
