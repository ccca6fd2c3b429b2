// Arguments of a built-in function, matched to its parameters as Python matches them.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

class BoundArguments {
 public:
  // `parameters` after the subject; the first `required` must be given, and those named "" or "-"
  // only by position. Surplus, unknown or
  // missing ones are an Error that names `function`.
  static Result<BoundArguments> bind(Runtime& runtime, std::string_view function,
                                     const Arguments& arguments,
                                     std::span<const std::string_view> parameters,
                                     std::size_t required = 0);

  static Result<BoundArguments> bind(Runtime& runtime, std::string_view function,
                                     const Arguments& arguments,
                                     std::initializer_list<std::string_view> parameters,
                                     std::size_t required = 0) {
    return bind(runtime, function, arguments, std::span(parameters.begin(), parameters.size()),
                required);
  }

  bool has(std::size_t i) const { return values_[i].has_value(); }
  // The argument, or None where it was not given.
  Value operator[](std::size_t i) const { return values_[i].value_or(Value::none()); }

  // Absent gives the fallback; another type is an Error that names the parameter.
  Result<std::int64_t> integer(std::size_t i, std::int64_t fallback) const;
  Result<OriginText> text(std::size_t i, std::string_view fallback) const;
  // The argument's truth, whatever its type.
  bool truth(std::size_t i, bool fallback) const;

  Error wrong_type(std::size_t i, std::string_view expected) const;

 private:
  BoundArguments(Runtime& runtime, std::string_view function)
      : runtime_(&runtime), function_(function) {}

  Runtime* runtime_;
  std::string function_;
  std::vector<std::string_view> parameters_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace parapet::jinja
