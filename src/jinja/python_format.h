// Python's two kinds of format strings: "%s and %d" % values, and "{} {name:>5}".format(...).
// What a format string holds keeps its origin, what is put in keeps that of the value.
#pragma once

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

// `values` is a tuple, a dict for %(name)s, or the one value.
Result<Value> format_percent(Runtime& runtime, const Text& format, const Value& values);
Result<Value> format_braces(Runtime& runtime, const Text& format, const Arguments& arguments);

}  // namespace parapet::jinja
