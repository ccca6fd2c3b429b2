// Arithmetic and concatenation of values.
#pragma once

#include <span>

#include "jinja/ast.h"
#include "jinja/runtime.h"

namespace parapet::jinja {

Result<Value> apply_unary(Runtime& runtime, UnaryOp op, const Value& operand);
// All operators but `and` and `or`, which need not evaluate their right side.
Result<Value> apply_binary(Runtime& runtime, BinaryOp op, const Value& left, const Value& right);
Result<Value> apply_compare(Runtime& runtime, CompareOp op, const Value& left, const Value& right);

// HTML-escapes what joins a string that is safe markup: & < > " ' become entities. Entities that
// replace a character have its origin.
OriginText escape_markup(const OriginText& text);

}  // namespace parapet::jinja
