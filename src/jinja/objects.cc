#include "jinja/objects.h"

namespace parapet::jinja {

std::optional<Value> Namespace::attribute(std::string_view name) const {
  const Value* found = attributes_.find_text(name);
  return found ? std::optional(*found) : std::nullopt;
}

Result<Value> call_value(Runtime& runtime, const Value& callee, const Arguments& arguments) {
  if (const Undefined* undefined = callee.as_undefined()) return runtime.error(undefined->problem);
  const std::shared_ptr<Object> object = callee.shared_object();
  if (object && object->callable()) return object->call(runtime, arguments);
  return runtime.error("'" + std::string(callee.type_name()) + "' object is not callable");
}

}  // namespace parapet::jinja
