#include "jinja/methods.h"

#include <algorithm>

#include "base/check.h"
#include "jinja/objects.h"

namespace parapet::jinja {
namespace {

const MethodEntry* find_entry(std::span<const MethodEntry> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const MethodEntry& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : &*found;
}

const MethodEntry* find_entry(const Value& value, std::string_view name) {
  if (value.is_text()) {
    if (const MethodEntry* entry = find_entry(text_methods(), name)) return entry;
    return find_entry(text_test_methods(), name);
  }
  if (value.is_dict()) return find_entry(dict_methods(), name);
  if (value.is_number()) return find_entry(number_methods(), name);
  const Sequence* sequence = value.as_sequence();
  if (sequence && sequence->kind <= SequenceKind::kRange) {
    return find_entry(sequence_methods(), name);
  }
  return nullptr;
}

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What would change the value: the sandbox forbids it.
bool is_mutating(const Value& value, std::string_view name) {
  static constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::string_view kList[] = {"append", "clear",  "extend",  "insert",
                                               "pop",    "remove", "reverse", "sort"};
  if (value.is_dict()) return holds(kDict, name);
  return value.is_sequence() && value.as_sequence()->is_list() && holds(kList, name);
}

// What Python has and this engine has not.
bool is_unsupported(const Value& value, std::string_view name) {
  static constexpr std::string_view kText[] = {"casefold", "encode", "format_map", "maketrans",
                                               "translate"};
  static constexpr std::string_view kNumber[] = {
      "as_integer_ratio", "bit_length", "conjugate", "from_bytes", "fromhex", "hex", "to_bytes"};
  if (value.is_text()) return holds(kText, name);
  if (value.is_dict()) return name == "fromkeys";
  return value.is_number() && holds(kNumber, name);
}

Result<Value> call_entry(Runtime& runtime, const MethodEntry& entry, const Value& self,
                         const Arguments& given) {
  if (entry.required == MethodEntry::kVariadic) {
    PARAPET_ASSIGN(const auto none, BoundArguments::bind(runtime, entry.name, {}, {}));
    return entry.call({runtime, self, none, given});
  }
  const auto end = std::find(entry.parameters.begin(), entry.parameters.end(), "");
  const std::span parameters(entry.parameters.begin(), end);
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, entry.name, given, parameters, entry.required));
  return entry.call({runtime, self, bound, given});
}

}  // namespace

std::optional<Value> find_method(const Value& value, std::string_view name) {
  if (const MethodEntry* entry = find_entry(value, name)) {
    return Function::make(std::string(name),
                          [entry, value](Runtime& runtime, const Arguments& arguments) {
                            return call_entry(runtime, *entry, value, arguments);
                          });
  }
  const std::string described =
      "method '" + std::string(name) + "' of '" + std::string(value.type_name()) + "'";
  if (is_mutating(value, name)) {
    return Value::undefined(described + " is not allowed: it would change the value");
  }
  if (is_unsupported(value, name)) {
    return Function::make(std::string(name), [described](Runtime& runtime, const Arguments&) {
      return Result<Value>(runtime.error(described + " is not supported"));
    });
  }
  return std::nullopt;
}

}  // namespace parapet::jinja
