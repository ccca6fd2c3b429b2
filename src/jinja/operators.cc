#include "jinja/operators.h"

#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/compare.h"
#include "jinja/number.h"
#include "jinja/printing.h"
#include "jinja/python_format.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

const char* spelling(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd: return "+";
    case BinaryOp::kSubtract: return "-";
    case BinaryOp::kMultiply: return "*";
    case BinaryOp::kDivide: return "/";
    case BinaryOp::kFloorDivide: return "//";
    case BinaryOp::kModulo: return "%";
    case BinaryOp::kPower: return "**";
    case BinaryOp::kAnd: return "and";
    case BinaryOp::kOr: return "or";
  }
  return "?";
}

Error wrong_operands(const Runtime& runtime, BinaryOp op, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right}) {
    if (const Undefined* undefined = value->as_undefined())
      return runtime.error(undefined->problem);
  }
  return runtime.error("unsupported operand types for " + std::string(spelling(op)) + ": '" +
                       std::string(left.type_name()) + "' and '" + std::string(right.type_name()) +
                       "'");
}

Result<Value> integer_result(const Runtime& runtime, BinaryOp op,
                             std::optional<std::int64_t> result, Origin origin) {
  if (result) return Value::integer(*result, origin);
  return runtime.error("the result of '" + std::string(spelling(op)) + "' does not fit in 64 bits");
}

Result<Value> integer_power(const Runtime& runtime, std::int64_t base, std::int64_t exponent,
                            Origin origin) {
  if (exponent >= 0) {
    return integer_result(runtime, BinaryOp::kPower, checked_power(base, exponent), origin);
  }
  if (base == 0) return runtime.error("0 cannot be raised to a negative power");
  return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)), origin);
}

Result<Value> integer_arithmetic(const Runtime& runtime, BinaryOp op, const Value& left,
                                 const Value& right) {
  const std::int64_t a = left.to_int();
  const std::int64_t b = right.to_int();
  const Origin origin = mix(left.origin(), right.origin());
  switch (op) {
    case BinaryOp::kAdd: return integer_result(runtime, op, checked_add(a, b), origin);
    case BinaryOp::kSubtract: return integer_result(runtime, op, checked_subtract(a, b), origin);
    case BinaryOp::kMultiply: return integer_result(runtime, op, checked_multiply(a, b), origin);
    case BinaryOp::kPower: return integer_power(runtime, a, b, origin);
    default: break;
  }
  if (b == 0) return runtime.error("division by zero");
  if (op == BinaryOp::kDivide) {
    return Value::real(static_cast<double>(a) / static_cast<double>(b), origin);
  }
  if (op == BinaryOp::kModulo) return Value::integer(floor_modulo(a, b), origin);
  if (b == -1) return integer_result(runtime, op, checked_subtract(0, a), origin);
  return Value::integer(floor_divide(a, b), origin);
}

Result<Value> real_power(const Runtime& runtime, double base, double exponent, Origin origin) {
  if (base == 0 && exponent < 0) return runtime.error("0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(exponent) && exponent != std::trunc(exponent)) {
    return runtime.error("a negative number cannot be raised to a fraction");
  }
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    return runtime.error("the result of '**' is too large");
  }
  return Value::real(result, origin);
}

Result<Value> real_arithmetic(const Runtime& runtime, BinaryOp op, const Value& left,
                              const Value& right) {
  const double a = left.to_double();
  const double b = right.to_double();
  const Origin origin = mix(left.origin(), right.origin());
  switch (op) {
    case BinaryOp::kAdd: return Value::real(a + b, origin);
    case BinaryOp::kSubtract: return Value::real(a - b, origin);
    case BinaryOp::kMultiply: return Value::real(a * b, origin);
    case BinaryOp::kPower: return real_power(runtime, a, b, origin);
    default: break;
  }
  if (b == 0) return runtime.error("division by zero");
  if (op == BinaryOp::kDivide) return Value::real(a / b, origin);
  if (op == BinaryOp::kModulo) return Value::real(floor_modulo(a, b), origin);
  return Value::real(std::floor((a - floor_modulo(a, b)) / b + 0.5), origin);
}

Result<Value> add_texts(Runtime& runtime, const Text& left, const Text& right) {
  PARAPET_TRY(runtime.spend(left.text.size() + right.text.size()));
  if (left.markup == right.markup) return Value::text(concat(left.text, right.text), left.markup);
  PARAPET_TRY(runtime.spend(5 * (left.text.size() + right.text.size())));
  return Value::text(concat(left.markup ? left.text : escape_markup(left.text),
                            right.markup ? right.text : escape_markup(right.text)),
                     true);
}

Result<Value> add_sequences(Runtime& runtime, const Sequence& left, const Sequence& right) {
  PARAPET_TRY(runtime.spend((left.items.size() + right.items.size()) * sizeof(Value)));
  std::vector<Value> items = left.items;
  items.insert(items.end(), right.items.begin(), right.items.end());
  return left.is_list() ? make_list(std::move(items)) : make_tuple(std::move(items));
}

bool can_add(const Sequence* left, const Sequence* right) {
  return left && right && left->kind == right->kind && (left->is_list() || left->is_tuple());
}

Status spend_repeated(Runtime& runtime, std::size_t size, std::int64_t times) {
  std::size_t total = 0;
  if (__builtin_mul_overflow(size, static_cast<std::size_t>(times), &total)) total = SIZE_MAX;
  return runtime.spend(total);
}

Result<Value> repeat(Runtime& runtime, const Value& value, std::int64_t times) {
  if (times < 0) times = 0;
  if (const Text* text = value.as_text()) {
    // Each copy may bring its own runs along.
    PARAPET_TRY(spend_repeated(
        runtime, text->text.size() + text->text.runs().size() * sizeof(OriginText::Run), times));
    OriginText repeated;
    for (std::int64_t i = 0; i < times && !text->text.empty(); ++i) repeated.append(text->text);
    return Value::text(std::move(repeated), text->markup);
  }
  const Sequence& sequence = *value.as_sequence();
  PARAPET_TRY(spend_repeated(runtime, sequence.items.size() * sizeof(Value), times));
  std::vector<Value> items;
  for (std::int64_t i = 0; i < times && !sequence.items.empty(); ++i) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return sequence.is_list() ? make_list(std::move(items)) : make_tuple(std::move(items));
}

bool can_repeat(const Value& value) {
  const Sequence* sequence = value.as_sequence();
  return value.is_text() || (sequence && (sequence->is_list() || sequence->is_tuple()));
}

}  // namespace

Result<Value> apply_unary(Runtime& runtime, UnaryOp op, const Value& operand) {
  if (op == UnaryOp::kNot) return Value::boolean(!is_true(operand), operand.origin());
  if (const Undefined* undefined = operand.as_undefined()) return runtime.error(undefined->problem);
  if (!operand.is_number()) {
    return runtime.error(std::string("bad operand type for unary ") +
                         (op == UnaryOp::kMinus ? "-" : "+") + ": '" +
                         std::string(operand.type_name()) + "'");
  }
  if (operand.is_float()) {
    const double value = operand.to_double();
    return Value::real(op == UnaryOp::kMinus ? -value : value, operand.origin());
  }
  const std::int64_t value = operand.to_int();
  if (op == UnaryOp::kPlus) return Value::integer(value, operand.origin());
  return integer_result(runtime, BinaryOp::kSubtract, checked_subtract(0, value), operand.origin());
}

Result<Value> apply_binary(Runtime& runtime, BinaryOp op, const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) {
    return integer_arithmetic(runtime, op, left, right);
  }
  if (left.is_number() && right.is_number()) return real_arithmetic(runtime, op, left, right);
  if (op == BinaryOp::kAdd) {
    if (left.is_text() && right.is_text()) {
      return add_texts(runtime, *left.as_text(), *right.as_text());
    }
    if (can_add(left.as_sequence(), right.as_sequence())) {
      return add_sequences(runtime, *left.as_sequence(), *right.as_sequence());
    }
  }
  if (op == BinaryOp::kMultiply) {
    if (can_repeat(left) && right.is_integral()) return repeat(runtime, left, right.to_int());
    if (can_repeat(right) && left.is_integral()) return repeat(runtime, right, left.to_int());
  }
  if (op == BinaryOp::kModulo && left.is_text()) {
    return format_percent(runtime, *left.as_text(), right);
  }
  return wrong_operands(runtime, op, left, right);
}

Result<Value> apply_compare(Runtime& runtime, CompareOp op, const Value& left, const Value& right) {
  const auto answer = [](bool value) { return Value::boolean(value); };
  switch (op) {
    case CompareOp::kEqual:
    case CompareOp::kNotEqual: {
      PARAPET_ASSIGN(const bool same, equal(runtime, left, right));
      return answer(same == (op == CompareOp::kEqual));
    }
    case CompareOp::kIn:
    case CompareOp::kNotIn: {
      PARAPET_ASSIGN(const bool found, contains(runtime, right, left));
      return answer(found == (op == CompareOp::kIn));
    }
    default: break;
  }
  PARAPET_ASSIGN(const std::partial_ordering ordering, order(runtime, left, right));
  switch (op) {
    case CompareOp::kLess: return answer(std::is_lt(ordering));
    case CompareOp::kLessEqual: return answer(std::is_lteq(ordering));
    case CompareOp::kGreater: return answer(std::is_gt(ordering));
    default: return answer(std::is_gteq(ordering));
  }
}

OriginText escape_markup(const OriginText& text) {
  return map_code_points(text, [](std::string& out, char32_t c, std::size_t) {
    switch (c) {
      case '&': out += "&amp;"; return;
      case '<': out += "&lt;"; return;
      case '>': out += "&gt;"; return;
      case '"': out += "&#34;"; return;
      case '\'': out += "&#39;"; return;
      default: append_utf8(c, out);
    }
  });
}

}  // namespace parapet::jinja
