// Python's str() and repr() of values, with origins: data keeps its own, brackets and quotes
// that printing adds are the template's.
#pragma once

#include <string_view>

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

Result<OriginText> to_text(Runtime& runtime, const Value& value);
Result<OriginText> to_repr(Runtime& runtime, const Value& value);

// "'str'", "'dict object'": how Jinja names a value in messages.
std::string object_description(const Value& value);

}  // namespace parapet::jinja
