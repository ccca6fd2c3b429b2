#include "jinja/template.h"

#include "base/check.h"
#include "jinja/interpreter.h"
#include "jinja/parser.h"

namespace parapet::jinja {

Result<Template> Template::parse(std::string name, std::string_view source) {
  PARAPET_ASSIGN(Body body, parse_template(name, source));
  return Template(std::move(name), std::move(body));
}

Result<OriginText> Template::render(const Dict& variables, const Limits& limits,
                                    Clock clock) const {
  Runtime runtime(name_, limits, std::move(clock));
  return Interpreter(runtime, variables).render(body_);
}

namespace {

Result<Value> list_from_json(const std::string& where, JsonArray array) {
  std::vector<Value> items;
  for (const JsonElement element : array) {
    PARAPET_ASSIGN(Value item, value_from_json(where, element));
    items.push_back(std::move(item));
  }
  return make_list(std::move(items));
}

// Of a key that stands twice the last counts, as in Python.
Result<Value> dict_from_json(const std::string& where, JsonObject::Fields fields) {
  Dict dict;
  for (const auto& field : fields) {
    PARAPET_ASSIGN(Value value, value_from_json(where, field.value));
    dict.set_text(OriginText(field.key, Origin::kMessage), std::move(value));
  }
  return Value::of(std::move(dict));
}

}  // namespace

Result<Value> value_from_json(const std::string& where, JsonElement element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY: return list_from_json(where, element.get_array().value_unsafe());
    case element_type::OBJECT: return dict_from_json(where, element.get_object().value_unsafe());
    case element_type::STRING:
      return Value::text(element.get_string().value_unsafe(), Origin::kMessage);
    case element_type::INT64: return Value::integer(element.get_int64().value_unsafe());
    case element_type::DOUBLE: return Value::real(element.get_double().value_unsafe());
    case element_type::BOOL: return Value::boolean(element.get_bool().value_unsafe());
    case element_type::NULL_VALUE: return Value::none();
    case element_type::UINT64: break;
  }
  return Error{ErrorCode::kUnsupported, where + ": integer " +
                                            std::to_string(element.get_uint64().value_unsafe()) +
                                            " does not fit in 64 signed bits"};
}

}  // namespace parapet::jinja
