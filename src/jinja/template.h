// A parsed template, ready to render any number of times, from any number of threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/origin_text.h"
#include "jinja/ast.h"
#include "jinja/limits.h"
#include "jinja/runtime.h"
#include "jinja/value.h"
#include "parapet/error.h"

namespace parapet::jinja {

class Template {
 public:
  // `name` stands in errors: "NAME:LINE: ...".
  static Result<Template> parse(std::string name, std::string_view source);

  // ErrorCode::kTemplate: the template refused (raise_exception), misused a value, or broke a
  // limit.
  Result<OriginText> render(const Dict& variables, const Limits& limits = {},
                            Clock clock = local_time_now) const;

 private:
  Template(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}

  std::string name_;
  Body body_;
};

// A JSON value as Python reads it, all of Origin::kMessage. `where` names it in errors.
Result<Value> value_from_json(const std::string& where, JsonElement element);

}  // namespace parapet::jinja
