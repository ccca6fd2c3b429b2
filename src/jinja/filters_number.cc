// Filters on numbers.
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/filters.h"
#include "jinja/number.h"
#include "jinja/operators.h"

namespace parapet::jinja {
namespace {

Result<Value> absolute(const FilterCall& call) {
  const Value& value = call.value;
  if (value.is_float()) return Value::real(std::fabs(value.to_double()), value.origin());
  if (!value.is_integral()) {
    return call.runtime.error("abs: expected a number, not '" + std::string(value.type_name()) +
                              "'");
  }
  if (value.to_int() >= 0) return Value::integer(value.to_int(), value.origin());
  return apply_unary(call.runtime, UnaryOp::kMinus, value);
}

// Only what came wholly from the template is the template's.
Origin number_origin(const Value& value) {
  const Text* text = value.as_text();
  if (text == nullptr) return value.origin();
  return text->text.all_template(0, text->text.size()) ? Origin::kTemplate : Origin::kMessage;
}

Result<Value> to_integer(const FilterCall& call) {
  const Value& value = call.value;
  const Origin origin = number_origin(value);
  const Value fallback =
      call.arguments.has(0) ? call.arguments[0] : Value::integer(0, Origin::kTemplate);
  PARAPET_ASSIGN(const std::int64_t base, call.arguments.integer(1, 10));
  if (value.is_integral()) return Value::integer(value.to_int(), origin);
  double real = 0;
  if (const Text* text = value.as_text()) {
    PARAPET_TRY(call.runtime.spend(text->text.size()));
    if (const auto parsed = parse_int(text->text.text(),
                                      static_cast<int>(std::clamp<std::int64_t>(base, -1, 99)))) {
      return Value::integer(*parsed, origin);
    }
    const auto parsed = parse_float(text->text.text());
    if (!parsed) return fallback;
    real = *parsed;
  } else if (value.is_float()) {
    real = value.to_double();
  } else if (value.is_undefined()) {
    return call.runtime.error(value.as_undefined()->problem);
  } else {
    return fallback;
  }
  if (std::isnan(real) || std::isinf(real)) return fallback;
  if (real >= 0x1p63 || real < -0x1p63) {
    return call.runtime.error("int: the number does not fit in 64 bits");
  }
  return Value::integer(static_cast<std::int64_t>(real), origin);
}

Result<Value> to_float(const FilterCall& call) {
  const Value& value = call.value;
  if (value.is_number()) return Value::real(value.to_double(), value.origin());
  if (value.is_undefined()) return call.runtime.error(value.as_undefined()->problem);
  if (const Text* text = value.as_text()) {
    PARAPET_TRY(call.runtime.spend(text->text.size()));
    if (const auto parsed = parse_float(text->text.text())) {
      return Value::real(*parsed, number_origin(value));
    }
  }
  return call.arguments.has(0) ? call.arguments[0] : Value::real(0.0, Origin::kTemplate);
}

Result<Value> round_number(const FilterCall& call) {
  const Value& value = call.value;
  PARAPET_ASSIGN(const std::int64_t precision, call.arguments.integer(0, 0));
  PARAPET_ASSIGN(const OriginText method, call.arguments.text(1, "common"));
  if (value.is_undefined()) return call.runtime.error(value.as_undefined()->problem);
  if (!value.is_number()) return call.runtime.error("round: expected a number");
  const std::string& how = method.text();
  if (how != "common" && how != "ceil" && how != "floor") {
    return call.runtime.error("round: method must be common, ceil or floor");
  }
  const int digits = static_cast<int>(std::clamp<std::int64_t>(precision, -400, 400));
  if (how == "common") {
    if (value.is_integral() && digits >= 0) {
      return Value::integer(value.to_int(), value.origin());
    }
    const double rounded = round_half_even(value.to_double(), digits);
    if (!value.is_integral()) return Value::real(rounded, value.origin());
    return Value::integer(static_cast<std::int64_t>(rounded), value.origin());
  }
  const double scale = std::pow(10.0, digits);
  const double scaled = value.to_double() * scale;
  if (!std::isfinite(scaled) || scale == 0) {
    return call.runtime.error("round: the number cannot be rounded to that precision");
  }
  return Value::real((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale,
                     value.origin());
}

Result<Value> sum(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, call.arguments[0]));
  Value total = call.arguments.has(1) ? call.arguments[1] : Value::integer(0, Origin::kTemplate);
  if (total.is_text()) return call.runtime.error("sum: strings cannot be summed; use join");
  for (const Value& item : items) {
    PARAPET_TRY(call.runtime.step());
    PARAPET_ASSIGN(const Value part, getter.get(call.runtime, item));
    PARAPET_ASSIGN(total, apply_binary(call.runtime, BinaryOp::kAdd, total, part));
  }
  return total;
}

Result<Value> file_size(const FilterCall& call) {
  static constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  static constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  Arguments none;
  PARAPET_ASSIGN(const auto unbound,
                 BoundArguments::bind(call.runtime, "float", none, {"default"}));
  PARAPET_ASSIGN(const Value number, to_float({call.runtime, call.value, unbound, none}));
  const double bytes = number.to_double();
  const bool binary = call.arguments.truth(0, false);
  const double base = binary ? 1024 : 1000;
  const Origin origin = number_origin(call.value);
  if (bytes == 1) return Value::text("1 Byte", origin);
  char text[400];
  if (bytes < base) {
    std::snprintf(text, sizeof text, "%.0f Bytes", std::trunc(bytes));
    return Value::text(text, origin);
  }
  double unit = base;
  for (std::size_t i = 0; i < std::size(kBinary); ++i) {
    unit *= base;
    if (bytes < unit || i + 1 == std::size(kBinary)) {
      std::snprintf(text, sizeof text, "%.1f %s", base * bytes / unit,
                    binary ? kBinary[i] : kDecimal[i]);
      break;
    }
  }
  return Value::text(text, origin);
}

constexpr FilterEntry kFilters[] = {
    {"abs", 0, {}, absolute},
    {"filesizeformat", 0, {"binary"}, file_size},
    {"float", 0, {"default"}, to_float},
    {"int", 0, {"default", "base"}, to_integer},
    {"round", 0, {"precision", "method"}, round_number},
    {"sum", 0, {"attribute", "start"}, sum},
};

}  // namespace

std::span<const FilterEntry> number_filters() { return kFilters; }

}  // namespace parapet::jinja
