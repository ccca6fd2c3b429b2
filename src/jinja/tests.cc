// Tests: what follows `is`.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/arguments.h"
#include "jinja/builtins.h"
#include "jinja/compare.h"
#include "jinja/number.h"
#include "jinja/operators.h"
#include "jinja/printing.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

struct TestCall {
  Runtime& runtime;
  const Value& value;
  const BoundArguments& arguments;
};

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is_bool(); }
bool is_true_value(const Value& value) { return value.is_bool() && value.as_bool(); }
bool is_false_value(const Value& value) { return value.is_bool() && !value.as_bool(); }
bool is_integer(const Value& value) { return value.is_int(); }
bool is_float(const Value& value) { return value.is_float(); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is_dict(); }
bool is_escaped(const Value& value) { return value.is_text() && value.as_text()->markup; }

bool is_iterable(const Value& value) {
  return value.is_text() || value.is_sequence() || value.is_dict() || value.is_undefined();
}

// What has a length and gives items: in Python that includes dicts.
bool is_sequence(const Value& value) {
  if (const Sequence* sequence = value.as_sequence()) return sequence->kind <= SequenceKind::kRange;
  return value.is_text() || value.is_dict() || value.is_undefined();
}

bool is_callable(const Value& value) {
  return value.is_undefined() || (value.as_object() && value.as_object()->callable());
}

Result<bool> remainder_is(const TestCall& call, const Value& divisor, std::int64_t expected) {
  PARAPET_ASSIGN(const Value remainder,
                 apply_binary(call.runtime, BinaryOp::kModulo, call.value, divisor));
  return equal(call.runtime, remainder, Value::integer(expected));
}

Result<bool> is_odd(const TestCall& call) { return remainder_is(call, Value::integer(2), 1); }
Result<bool> is_even(const TestCall& call) { return remainder_is(call, Value::integer(2), 0); }
Result<bool> is_divisible_by(const TestCall& call) {
  return remainder_is(call, call.arguments[0], 0);
}

template <CompareOp kOp>
Result<bool> compare(const TestCall& call) {
  PARAPET_ASSIGN(const Value answer,
                 apply_compare(call.runtime, kOp, call.value, call.arguments[0]));
  return is_true(answer);
}

Result<bool> is_same_as(const TestCall& call) { return call.value.same_as(call.arguments[0]); }

// str(value).isupper() or islower(): some cased letter, and none of the other case.
Result<bool> has_only_case(const TestCall& call, bool upper) {
  PARAPET_ASSIGN(const OriginText text, to_text(call.runtime, call.value));
  PARAPET_TRY(call.runtime.spend(text.size()));
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode_code_point(text.text(), at);
    at += c.length;
    if (is_title(c.value) || (upper ? is_lower(c.value) : is_upper(c.value))) return false;
    any = any || (upper ? is_upper(c.value) : is_lower(c.value));
  }
  return any;
}
Result<bool> is_upper_text(const TestCall& call) { return has_only_case(call, true); }
Result<bool> is_lower_text(const TestCall& call) { return has_only_case(call, false); }

Result<bool> names_filter(const TestCall& call) {
  return call.value.is_text() && is_filter(call.value.as_text()->text.text());
}
Result<bool> names_test(const TestCall& call) {
  return call.value.is_text() && is_test(call.value.as_text()->text.text());
}

template <bool (*kPredicate)(const Value&)>
Result<bool> plain(const TestCall& call) {
  return kPredicate(call.value);
}

struct TestEntry {
  std::string_view name;
  std::string_view parameter;  // empty: takes no argument
  Result<bool> (*test)(const TestCall&);
};

constexpr TestEntry kTests[] = {
    {"!=", "other", compare<CompareOp::kNotEqual>},
    {"<", "other", compare<CompareOp::kLess>},
    {"<=", "other", compare<CompareOp::kLessEqual>},
    {"==", "other", compare<CompareOp::kEqual>},
    {">", "other", compare<CompareOp::kGreater>},
    {">=", "other", compare<CompareOp::kGreaterEqual>},
    {"boolean", "", plain<is_boolean>},
    {"callable", "", plain<is_callable>},
    {"defined", "", plain<is_defined>},
    {"divisibleby", "num", is_divisible_by},
    {"eq", "other", compare<CompareOp::kEqual>},
    {"equalto", "other", compare<CompareOp::kEqual>},
    {"escaped", "", plain<is_escaped>},
    {"even", "", is_even},
    {"false", "", plain<is_false_value>},
    {"filter", "", names_filter},
    {"float", "", plain<is_float>},
    {"ge", "other", compare<CompareOp::kGreaterEqual>},
    {"greaterthan", "other", compare<CompareOp::kGreater>},
    {"gt", "other", compare<CompareOp::kGreater>},
    {"in", "seq", compare<CompareOp::kIn>},
    {"integer", "", plain<is_integer>},
    {"iterable", "", plain<is_iterable>},
    {"le", "other", compare<CompareOp::kLessEqual>},
    {"lessthan", "other", compare<CompareOp::kLess>},
    {"lower", "", is_lower_text},
    {"lt", "other", compare<CompareOp::kLess>},
    {"mapping", "", plain<is_mapping>},
    {"ne", "other", compare<CompareOp::kNotEqual>},
    {"none", "", plain<is_none>},
    {"number", "", plain<is_number>},
    {"odd", "", is_odd},
    {"sameas", "other", is_same_as},
    {"sequence", "", plain<is_sequence>},
    {"string", "", plain<is_string>},
    {"test", "", names_test},
    {"true", "", plain<is_true_value>},
    {"undefined", "", plain<is_undefined>},
    {"upper", "", is_upper_text},
};

const TestEntry* find_test(std::string_view name) {
  const auto* const found =
      std::lower_bound(std::begin(kTests), std::end(kTests), name,
                       [](const TestEntry& entry, std::string_view n) { return entry.name < n; });
  return found != std::end(kTests) && found->name == name ? found : nullptr;
}

}  // namespace

bool is_test(std::string_view name) { return find_test(name) != nullptr; }

Result<bool> apply_test(Runtime& runtime, std::string_view name, const Value& value,
                        const Arguments& arguments) {
  const TestEntry* entry = find_test(name);
  if (entry == nullptr) return runtime.error("no test named '" + std::string(name) + "'");
  if (entry->parameter.empty()) {
    PARAPET_ASSIGN(const auto none, BoundArguments::bind(runtime, name, arguments, {}));
    return entry->test({runtime, value, none});
  }
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, name, arguments, {entry->parameter}, 1));
  return entry->test({runtime, value, bound});
}

}  // namespace parapet::jinja
