// Methods of strings, lists, dicts and numbers, as attributes of these values.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "jinja/arguments.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

struct MethodCall {
  Runtime& runtime;
  const Value& self;
  const BoundArguments& arguments;  // empty for variadic methods
  const Arguments& given;           // as written
};

struct MethodEntry {
  static constexpr std::size_t kVariadic = SIZE_MAX;

  std::string_view name;
  std::size_t required;                        // kVariadic: takes whatever it is given
  std::array<std::string_view, 3> parameters;  // up to the first empty name; "-" has no keyword
  Result<Value> (*call)(const MethodCall&);
};

std::span<const MethodEntry> text_methods();
std::span<const MethodEntry> text_test_methods();
std::span<const MethodEntry> dict_methods();
std::span<const MethodEntry> sequence_methods();
std::span<const MethodEntry> number_methods();

// The method of that name, bound to the value; nullopt where Python has none. One that would change
// a value, or that is not supported here, gives an Undefined which says so when it is called.
std::optional<Value> find_method(const Value& value, std::string_view name);

}  // namespace parapet::jinja
