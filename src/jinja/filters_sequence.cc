// Filters on lists, dicts and whatever can be walked.
#include <algorithm>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/filters.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

Result<Value> length(const FilterCall& call) {
  if (const Text* text = call.value.as_text()) PARAPET_TRY(call.runtime.spend(text->text.size()));
  const auto size = length_of(call.value);
  if (size) return Value::integer(static_cast<std::int64_t>(*size));
  return call.runtime.error("object of type '" + std::string(call.value.type_name()) +
                            "' has no length");
}

Result<Value> first(const FilterCall& call) {
  const Sequence* sequence = call.value.as_sequence();
  if (sequence && sequence->is_generator()) {
    if (sequence->consumed < sequence->items.size()) return sequence->items[sequence->consumed++];
    return Value::undefined("No first item, sequence was empty.");
  }
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  if (items.empty()) return Value::undefined("No first item, sequence was empty.");
  return items.front();
}

Result<Value> last(const FilterCall& call) {
  const Sequence* sequence = call.value.as_sequence();
  if (sequence && sequence->is_generator()) {
    return call.runtime.error("last: a generator cannot be reversed; make it a list first");
  }
  PARAPET_ASSIGN(const std::vector<Value> items, iterate(call.runtime, call.value));
  if (items.empty()) return Value::undefined("No last item, sequence was empty.");
  return items.back();
}

Result<Value> to_list(const FilterCall& call) {
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  return make_list(std::move(items));
}

Result<Value> reverse(const FilterCall& call) {
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  std::reverse(items.begin(), items.end());
  if (!call.value.is_text()) return make_generator(std::move(items));
  OriginText reversed;
  for (const Value& item : items) reversed.append(item.as_text()->text);
  return Value::text(std::move(reversed));
}

Result<Value> default_value(const FilterCall& call) {
  const bool also_false = call.arguments.truth(1, false);
  if (!call.value.is_undefined() && !(also_false && !is_true(call.value))) return call.value;
  return call.arguments.has(0) ? call.arguments[0] : Value::text("", Origin::kTemplate);
}

Result<Value> items(const FilterCall& call) {
  if (call.value.is_undefined()) return make_generator({});
  const Dict* dict = call.value.as_dict();
  if (dict == nullptr) return call.runtime.error("items: can only get item pairs from a mapping");
  PARAPET_TRY(call.runtime.spend(dict->entries.size() * 4 * sizeof(Value)));
  std::vector<Value> pairs;
  for (const auto& [key, value] : dict->entries) pairs.push_back(make_tuple({key, value}));
  return make_generator(std::move(pairs));
}

Result<Value> attribute(const FilterCall& call) {
  PARAPET_ASSIGN(const OriginText name, call.arguments.text(0, ""));
  return get_attribute_only(call.runtime, call.value, name.text());
}

// Rows of `linecount`, the last one filled up.
Result<Value> batch(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> all, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const std::int64_t size, call.arguments.integer(0, 0));
  std::vector<Value> rows;
  std::vector<Value> row;
  for (const Value& item : all) {
    if (static_cast<std::int64_t>(row.size()) == size) {
      rows.push_back(make_list(std::exchange(row, {})));
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    const auto missing = std::max<std::int64_t>(size - static_cast<std::int64_t>(row.size()), 0);
    if (!call.arguments[1].is_none()) {
      PARAPET_TRY(call.runtime.spend(static_cast<std::size_t>(missing)));
      PARAPET_TRY(call.runtime.spend(static_cast<std::size_t>(missing) * (sizeof(Value) - 1)));
      row.insert(row.end(), static_cast<std::size_t>(missing), call.arguments[1]);
    }
    rows.push_back(make_list(std::move(row)));
  }
  return make_generator(std::move(rows));
}

// That many columns, as even as they can be.
Result<Value> slice(const FilterCall& call) {
  PARAPET_ASSIGN(const std::vector<Value> all, iterate(call.runtime, call.value));
  PARAPET_ASSIGN(const std::int64_t columns, call.arguments.integer(0, 0));
  if (columns == 0) return call.runtime.error("slice: the number of slices must not be zero");
  std::vector<Value> slices;
  if (columns < 0) return make_generator(std::move(slices));
  PARAPET_TRY(call.runtime.spend(static_cast<std::size_t>(columns)));
  PARAPET_TRY(call.runtime.spend(static_cast<std::size_t>(columns) * sizeof(Sequence)));
  const auto count = static_cast<std::size_t>(columns);
  const std::size_t each = all.size() / count;
  const std::size_t longer = all.size() % count;
  auto begin = all.begin();
  for (std::size_t i = 0; i < count; ++i) {
    const auto end = begin + static_cast<std::ptrdiff_t>(each + (i < longer ? 1 : 0));
    std::vector<Value> part(begin, end);
    if (!call.arguments[1].is_none() && i >= longer) part.push_back(call.arguments[1]);
    slices.push_back(make_list(std::move(part)));
    begin = end;
  }
  return make_generator(std::move(slices));
}

constexpr FilterEntry kFilters[] = {
    {"attr", 1, {"name"}, attribute},
    {"batch", 1, {"linecount", "fill_with"}, batch},
    {"count", 0, {}, length},
    {"d", 0, {"default_value", "boolean"}, default_value},
    {"default", 0, {"default_value", "boolean"}, default_value},
    {"first", 0, {}, first},
    {"items", 0, {}, items},
    {"last", 0, {}, last},
    {"length", 0, {}, length},
    {"list", 0, {}, to_list},
    {"reverse", 0, {}, reverse},
    {"slice", 1, {"slices", "fill_with"}, slice},
};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kFilters; }

}  // namespace parapet::jinja
