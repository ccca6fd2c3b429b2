#include "jinja/loop.h"

#include "base/check.h"
#include "jinja/compare.h"
#include "jinja/objects.h"

namespace parapet::jinja {

std::optional<std::int64_t> Loop::number(std::string_view name) const {
  const auto index = static_cast<std::int64_t>(index_);
  const auto length = static_cast<std::int64_t>(items_.size());
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "revindex") return length - index;
  if (name == "revindex0") return length - index - 1;
  if (name == "length") return length;
  if (name == "depth") return depth_ + 1;
  if (name == "depth0") return depth_;
  return std::nullopt;
}

std::optional<Value> Loop::attribute(std::string_view name) const {
  if (const auto value = number(name)) return Value::integer(*value);
  if (name == "first") return Value::boolean(index_ == 0);
  if (name == "last") return Value::boolean(index_ + 1 == items_.size());
  if (name == "previtem") {
    return index_ > 0 ? items_[index_ - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index_ + 1 < items_.size() ? items_[index_ + 1]
                                      : Value::undefined("there is no next item");
  }
  // A loop lives as long as anything that can reach it is handed out.
  const auto self = std::const_pointer_cast<Loop>(shared_from_this());
  if (name == "cycle") {
    return Function::make("cycle", [self](Runtime& runtime, const Arguments& arguments) {
      return self->cycle(runtime, arguments);
    });
  }
  if (name == "changed") {
    return Function::make("changed", [self](Runtime& runtime, const Arguments& arguments) {
      return self->changed(runtime, arguments);
    });
  }
  return std::nullopt;
}

Result<Value> Loop::cycle(Runtime& runtime, const Arguments& arguments) const {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return runtime.error("loop.cycle() takes the values to cycle through");
  }
  return arguments.positional[index_ % arguments.positional.size()];
}

Result<Value> Loop::changed(Runtime& runtime, const Arguments& arguments) {
  if (!arguments.named.empty()) return runtime.error("loop.changed() takes no keyword arguments");
  const Value now = make_tuple(arguments.positional);
  bool same = false;
  if (last_changed_) {
    PARAPET_ASSIGN(same, equal(runtime, *last_changed_, now));
  } else {
    PARAPET_TRY(runtime.own(shared_from_this()));  // loop.changed(loop) holds itself
  }
  last_changed_ = now;
  return Value::boolean(!same);
}

Result<Value> Loop::call(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return runtime.error("a recursive loop is called with what to iterate over");
  }
  const auto self = shared_from_this();
  PARAPET_ASSIGN(OriginText text,
                 interpreter_->render_loop(*node_, scope_, arguments.positional[0], depth_ + 1));
  return Value::text(std::move(text));
}

std::optional<std::string> Loop::printed() const {
  return "<LoopContext " + std::to_string(index_ + 1) + "/" + std::to_string(items_.size()) + ">";
}

}  // namespace parapet::jinja
