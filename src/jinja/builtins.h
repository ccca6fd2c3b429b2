// Filters, tests and global functions by name.
#pragma once

#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

bool is_filter(std::string_view name);
bool is_test(std::string_view name);

// An unknown name is an Error.
Result<Value> apply_filter(Runtime& runtime, std::string_view name, const Value& value,
                           const Arguments& arguments);
Result<bool> apply_test(Runtime& runtime, std::string_view name, const Value& value,
                        const Arguments& arguments);

// range, dict, namespace, cycler, joiner, raise_exception, strftime_now, lipsum; else nullopt.
std::optional<Value> find_global(std::string_view name);

}  // namespace parapet::jinja
