// Truth, equality, order and membership, as Python has them.
#pragma once

#include <compare>
#include <string>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

bool is_true(const Value& value);
Result<bool> equal(Runtime& runtime, const Value& a, const Value& b);
// Unordered only where NaN is compared; values without an order are an Error.
Result<std::partial_ordering> order(Runtime& runtime, const Value& a, const Value& b);
// `needle in haystack`.
Result<bool> contains(Runtime& runtime, const Value& haystack, const Value& needle);

// The spelling under which a dict finds a key; a list or dict is an Error: it cannot be one.
Result<std::string> hash_key(Runtime& runtime, const Value& key);

}  // namespace parapet::jinja
