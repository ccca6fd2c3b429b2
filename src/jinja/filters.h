// The table of filters, and what each gets when it is applied.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "jinja/arguments.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

struct FilterCall {
  Runtime& runtime;
  const Value& value;
  const BoundArguments& arguments;  // empty for variadic filters
  const Arguments& given;           // as written
};

struct FilterEntry {
  static constexpr std::size_t kVariadic = SIZE_MAX;

  std::string_view name;
  std::size_t required;                        // kVariadic: takes whatever it is given
  std::array<std::string_view, 5> parameters;  // up to the first empty name
  Result<Value> (*apply)(const FilterCall&);
};

std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> selection_filters();
std::span<const FilterEntry> order_filters();

// str(value), keeping markup as Jinja's soft_str does.
Result<Text> soft_text(Runtime& runtime, const Value& value);

// What filters with an `attribute` argument look up in each element: "a.b.0" is three steps.
class AttributeGetter {
 public:
  static Result<AttributeGetter> make(Runtime& runtime, const Value& attribute);
  Result<Value> get(Runtime& runtime, Value item, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> steps_;
};

// The value itself, or a string in lower case: what case-insensitive filters compare.
Value fold_case(const Value& value);

}  // namespace parapet::jinja
