// Filters that compare elements: sort, unique, groupby, dictsort, min, max.
#include <compare>
#include <set>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/filters.h"
#include "jinja/sorting.h"

namespace parapet::jinja {
namespace {

// The keys by which elements are compared: attributes, strings in lower case unless told otherwise.
Result<std::vector<Value>> keys_of(const FilterCall& call, const std::vector<Value>& items,
                                   const AttributeGetter& getter, bool case_sensitive,
                                   const Value* fallback = nullptr) {
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    PARAPET_TRY(call.runtime.step());
    PARAPET_ASSIGN(Value key, getter.get(call.runtime, item, fallback));
    if (const Text* text = key.as_text()) PARAPET_TRY(call.runtime.spend(2 * text->text.size()));
    keys.push_back(case_sensitive ? std::move(key) : fold_case(key));
  }
  return keys;
}

struct Keyed {
  Value key;
  Value item;
};

Result<std::vector<Keyed>> keyed_items(const FilterCall& call, std::vector<Value> items,
                                       std::vector<Value> keys) {
  PARAPET_TRY(call.runtime.spend(items.size() * sizeof(Keyed)));
  std::vector<Keyed> keyed;
  for (std::size_t i = 0; i < items.size(); ++i) {
    keyed.push_back({std::move(keys[i]), std::move(items[i])});
  }
  return keyed;
}

// "a,b.c": elements are compared by a list of attributes.
Result<std::vector<AttributeGetter>> getters_of(Runtime& runtime, const Value& attributes) {
  std::vector<AttributeGetter> getters;
  const Text* text = attributes.as_text();
  if (text == nullptr) {
    PARAPET_ASSIGN(auto getter, AttributeGetter::make(runtime, attributes));
    getters.push_back(std::move(getter));
    return getters;
  }
  const std::string& names = text->text.text();
  PARAPET_TRY(runtime.spend(names.size() * sizeof(AttributeGetter)));
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    PARAPET_ASSIGN(auto getter, AttributeGetter::make(
                                    runtime, Value::text(text->text.substr(begin, end - begin))));
    getters.push_back(std::move(getter));
    begin = end + 1;
  }
  return getters;
}

Result<Value> sort(const FilterCall& call) {
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const auto getters, getters_of(call.runtime, call.arguments[2]));
  const bool case_sensitive = call.arguments.truth(1, false);
  std::vector<std::vector<Value>> parts(items.size());
  for (const AttributeGetter& getter : getters) {
    PARAPET_ASSIGN(const auto column, keys_of(call, items, getter, case_sensitive));
    for (std::size_t i = 0; i < items.size(); ++i) parts[i].push_back(column[i]);
  }
  std::vector<Value> keys;
  keys.reserve(parts.size());
  for (auto& part : parts) keys.push_back(make_list(std::move(part)));
  PARAPET_ASSIGN(auto keyed, keyed_items(call, std::move(items), std::move(keys)));
  PARAPET_TRY(sort_by(
      call.runtime, keyed, [](const Keyed& k) { return k.key; }, call.arguments.truth(0, false)));
  std::vector<Value> sorted;
  sorted.reserve(keyed.size());
  for (Keyed& k : keyed) sorted.push_back(std::move(k.item));
  return make_list(std::move(sorted));
}

Result<Value> unique(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, call.arguments[1]));
  PARAPET_ASSIGN(const auto keys, keys_of(call, items, getter, call.arguments.truth(0, false)));
  std::set<std::string> seen;
  std::vector<Value> kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    PARAPET_ASSIGN(std::string key, hash_key(call.runtime, keys[i]));
    PARAPET_TRY(call.runtime.spend(sizeof(std::string) + key.size()));
    if (seen.insert(std::move(key)).second) kept.push_back(items[i]);
  }
  return make_generator(std::move(kept));
}

Result<Value> group_by(const FilterCall& call) {
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, call.arguments[0]));
  const Value fallback = call.arguments[1];
  PARAPET_ASSIGN(auto keys, keys_of(call, items, getter, call.arguments.truth(2, false),
                                    fallback.is_none() ? nullptr : &fallback));
  PARAPET_ASSIGN(auto keyed, keyed_items(call, std::move(items), std::move(keys)));
  PARAPET_TRY(sort_by(call.runtime, keyed, [](const Keyed& k) { return k.key; }));
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < keyed.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    for (; end < keyed.size(); ++end) {
      PARAPET_ASSIGN(const bool same, equal(call.runtime, keyed[begin].key, keyed[end].key));
      if (!same) break;
      members.push_back(keyed[end].item);
    }
    // The group is named as its first member spells it.
    PARAPET_ASSIGN(Value grouper, getter.get(call.runtime, members.front(),
                                             fallback.is_none() ? nullptr : &fallback));
    groups.push_back(make_group(std::move(grouper), make_list(std::move(members))));
    begin = end;
  }
  return make_list(std::move(groups));
}

Result<Value> dict_sort(const FilterCall& call) {
  const Dict* dict = call.value.as_dict();
  if (dict == nullptr) return call.runtime.error("dictsort: expected a mapping");
  PARAPET_ASSIGN(const OriginText by, call.arguments.text(1, "key"));
  if (by.text() != "key" && by.text() != "value") {
    return call.runtime.error("dictsort: you can only sort by 'key' or 'value'");
  }
  const bool case_sensitive = call.arguments.truth(0, false);
  std::vector<Value> pairs;
  std::vector<Value> keys;
  for (const auto& [key, value] : dict->entries) {
    const Value& compared = by.text() == "key" ? key : value;
    if (const Text* text = compared.as_text()) {
      PARAPET_TRY(call.runtime.spend(2 * text->text.size()));
    }
    keys.push_back(case_sensitive ? compared : fold_case(compared));
    pairs.push_back(make_tuple({key, value}));
  }
  PARAPET_ASSIGN(auto keyed, keyed_items(call, std::move(pairs), std::move(keys)));
  PARAPET_TRY(sort_by(
      call.runtime, keyed, [](const Keyed& k) { return k.key; }, call.arguments.truth(2, false)));
  std::vector<Value> sorted;
  sorted.reserve(keyed.size());
  for (Keyed& k : keyed) sorted.push_back(std::move(k.item));
  return make_list(std::move(sorted));
}

template <bool kMax>
Result<Value> extreme(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, call.arguments[1]));
  PARAPET_ASSIGN(const auto keys, keys_of(call, items, getter, call.arguments.truth(0, false)));
  std::size_t best = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    PARAPET_ASSIGN(const auto ordering, order(call.runtime, keys[i], keys[best]));
    if (kMax ? std::is_gt(ordering) : std::is_lt(ordering)) best = i;
  }
  return items[best];
}

constexpr FilterEntry kFilters[] = {
    {"dictsort", 0, {"case_sensitive", "by", "reverse"}, dict_sort},
    {"groupby", 1, {"attribute", "default", "case_sensitive"}, group_by},
    {"max", 0, {"case_sensitive", "attribute"}, extreme<true>},
    {"min", 0, {"case_sensitive", "attribute"}, extreme<false>},
    {"sort", 0, {"reverse", "case_sensitive", "attribute"}, sort},
    {"unique", 0, {"case_sensitive", "attribute"}, unique},
};

}  // namespace

std::span<const FilterEntry> order_filters() { return kFilters; }

}  // namespace parapet::jinja
