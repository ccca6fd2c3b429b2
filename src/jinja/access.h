// Attributes, items, slices and iteration: the sandbox's getattr and getitem.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

// `value.name`: a method or attribute first, then an item of that key, else Undefined.
Result<Value> get_attribute(Runtime& runtime, const Value& value, std::string_view name);
// `value[key]`: an item first, then an attribute of that name, else Undefined.
Result<Value> get_item(Runtime& runtime, const Value& value, const Value& key);
// |attr(name): attributes only.
Result<Value> get_attribute_only(Runtime& runtime, const Value& value, std::string_view name);

struct Slice {  // each None or an integer
  Value start;
  Value stop;
  Value step;
};
Result<Value> get_slice(Runtime& runtime, const Value& value, const Slice& slice);

// What `for` walks over: elements, keys of a dict, characters of a string. Consumes a generator.
Result<std::vector<Value>> iterate(Runtime& runtime, const Value& value);
// len(): nullopt where the value has none.
std::optional<std::size_t> length_of(const Value& value);

// "'dict object' has no attribute 'x'", as an Undefined.
Value missing_attribute(const Value& value, std::string_view name);

}  // namespace parapet::jinja
