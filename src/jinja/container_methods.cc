// Methods of dicts, sequences and numbers that leave them as they are.
#include <cmath>

#include "base/check.h"
#include "jinja/compare.h"
#include "jinja/methods.h"

namespace parapet::jinja {
namespace {

const Dict& self_dict(const MethodCall& call) { return *call.self.as_dict(); }
const Sequence& self_sequence(const MethodCall& call) { return *call.self.as_sequence(); }

Result<Value> get(const MethodCall& call) {
  PARAPET_ASSIGN(const std::string key, hash_key(call.runtime, call.arguments[0]));
  const Value* found = self_dict(call).find(key);
  return found ? *found : call.arguments[1];
}

template <SequenceKind kKind>
Result<Value> view(const MethodCall& call) {
  const Dict& dict = self_dict(call);
  PARAPET_TRY(call.runtime.spend(dict.entries.size() * 4 * sizeof(Value)));
  Sequence sequence;
  sequence.kind = kKind;
  for (const auto& [key, value] : dict.entries) {
    if constexpr (kKind == SequenceKind::kKeys) sequence.items.push_back(key);
    if constexpr (kKind == SequenceKind::kValues) sequence.items.push_back(value);
    if constexpr (kKind == SequenceKind::kItems) sequence.items.push_back(make_tuple({key, value}));
  }
  return Value::of(std::move(sequence));
}

Result<Value> itself(const MethodCall& call) { return call.self; }

Result<Value> index(const MethodCall& call) {
  const auto& items = self_sequence(call).items;
  PARAPET_ASSIGN(const std::int64_t start, call.arguments.integer(1, 0));
  PARAPET_ASSIGN(const std::int64_t stop, call.arguments.integer(2, INT64_MAX));
  const auto size = static_cast<std::int64_t>(items.size());
  const auto clamp = [size](std::int64_t at) {
    return at < 0 ? std::max<std::int64_t>(at + size, 0) : std::min(at, size);
  };
  for (std::int64_t i = clamp(start); i < clamp(stop); ++i) {
    PARAPET_ASSIGN(const bool same,
                   equal(call.runtime, items[static_cast<std::size_t>(i)], call.arguments[0]));
    if (same) return Value::integer(i);
  }
  return call.runtime.error("index(): the value is not in the list");
}

Result<Value> count(const MethodCall& call) {
  std::int64_t found = 0;
  for (const Value& item : self_sequence(call).items) {
    PARAPET_ASSIGN(const bool same, equal(call.runtime, item, call.arguments[0]));
    if (same) ++found;
  }
  return Value::integer(found);
}

Result<Value> copy_list(const MethodCall& call) {
  if (!self_sequence(call).is_list()) return call.runtime.error("only a list can be copied");
  return call.self;
}

Result<Value> is_integer(const MethodCall& call) {
  if (!call.self.is_float()) return call.runtime.error("is_integer() is a method of floats");
  return Value::boolean(call.self.to_double() == std::trunc(call.self.to_double()));
}

constexpr MethodEntry kDictMethods[] = {
    {"copy", 0, {}, itself},
    {"get", 1, {"-", "-"}, get},
    {"items", 0, {}, view<SequenceKind::kItems>},
    {"keys", 0, {}, view<SequenceKind::kKeys>},
    {"values", 0, {}, view<SequenceKind::kValues>},
};

constexpr MethodEntry kSequenceMethods[] = {
    {"copy", 0, {}, copy_list},
    {"count", 1, {"-"}, count},
    {"index", 1, {"-", "-", "-"}, index},
};

constexpr MethodEntry kNumberMethods[] = {
    {"is_integer", 0, {}, is_integer},
};

}  // namespace

std::span<const MethodEntry> dict_methods() { return kDictMethods; }
std::span<const MethodEntry> sequence_methods() { return kSequenceMethods; }
std::span<const MethodEntry> number_methods() { return kNumberMethods; }

}  // namespace parapet::jinja
