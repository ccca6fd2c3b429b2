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

// Known to Python and not given here: what they do is forbidden in the sandbox, or not supported.
bool is_refused_method(const Value& value, std::string_view name) {
  static constexpr std::string_view kDict[] = {"clear",      "pop",    "popitem",
                                               "setdefault", "update", "fromkeys"};
  static constexpr std::string_view kList[] = {"append", "clear",  "extend",  "insert",
                                               "pop",    "remove", "reverse", "sort"};
  static constexpr std::string_view kText[] = {"encode", "format_map", "maketrans", "translate"};
  const auto holds = [&](std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (value.is_dict()) return holds(kDict);
  if (value.is_text()) return holds(kText);
  return value.is_sequence() && value.as_sequence()->is_list() && holds(kList);
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
  if (is_refused_method(value, name)) {
    return Value::undefined("method '" + std::string(name) + "' of '" +
                            std::string(value.type_name()) + "' is not allowed in templates");
  }
  return std::nullopt;
}

}  // namespace parapet::jinja
