#include "jinja/access.h"

#include <algorithm>

#include "base/check.h"
#include "jinja/compare.h"
#include "jinja/methods.h"
#include "jinja/printing.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

// The element at a Python index (negative from the end), or nullopt outside.
std::optional<std::size_t> position_of(std::int64_t index, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  if (index < -count || index >= count) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + count : index);
}

Result<std::optional<Value>> text_item(Runtime& runtime, const Text& text, std::int64_t index) {
  PARAPET_TRY(runtime.spend(text.text.size()));
  const std::string& bytes = text.text.text();
  const auto position = position_of(index, count_code_points(bytes));
  if (!position) return std::optional<Value>();
  const std::size_t begin = byte_of_code_point(bytes, *position);
  return std::optional(
      Value::text(text.text.substr(begin, decode_code_point(bytes, begin).length), text.markup));
}

// value[key], or nullopt where Python raises TypeError or LookupError.
Result<std::optional<Value>> find_item(Runtime& runtime, const Value& value, const Value& key) {
  if (const Dict* dict = value.as_dict()) {
    if (key.is_dict() || (key.is_sequence() && !key.as_sequence()->is_tuple())) {
      return std::optional<Value>();
    }
    PARAPET_ASSIGN(const std::string spelled, hash_key(runtime, key));
    const Value* found = dict->find(spelled);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is_integral()) return std::optional<Value>();
  if (const Text* text = value.as_text()) return text_item(runtime, *text, key.to_int());
  const Sequence* sequence = value.as_sequence();
  if (sequence && sequence->kind <= SequenceKind::kRange) {
    const auto position = position_of(key.to_int(), sequence->items.size());
    if (position) return std::optional(sequence->items[*position]);
  }
  return std::optional<Value>();
}

std::optional<Value> find_attribute(const Value& value, std::string_view name) {
  if (const Object* object = value.as_object()) {
    if (auto attribute = object->attribute(name)) return attribute;
  }
  if (value.is_number() && name == "real") return value;
  if (const Sequence* sequence = value.as_sequence(); sequence && sequence->is_group) {
    if (name == "grouper") return sequence->items[0];
    if (name == "list") return sequence->items[1];
  }
  return find_method(value, name);
}

struct Bounds {
  std::int64_t start;
  std::int64_t stop;
  std::int64_t step;
  std::size_t count;
};

Result<std::optional<std::int64_t>> slice_index(Runtime& runtime, const Value& value) {
  if (value.is_none()) return std::optional<std::int64_t>();
  if (value.is_integral()) return std::optional(value.to_int());
  return runtime.error("slice indices must be integers or None, not '" +
                       std::string(value.type_name()) + "'");
}

// Python's slice.indices(size).
Result<Bounds> slice_bounds(Runtime& runtime, const Slice& slice, std::size_t size) {
  PARAPET_ASSIGN(const auto start, slice_index(runtime, slice.start));
  PARAPET_ASSIGN(const auto stop, slice_index(runtime, slice.stop));
  PARAPET_ASSIGN(const auto given_step, slice_index(runtime, slice.step));
  const auto count = static_cast<std::int64_t>(size);
  // Beyond the size all steps are alike; clamping keeps the sums below from overflowing.
  const std::int64_t step = std::clamp(given_step.value_or(1), -count - 1, count + 1);
  if (given_step.value_or(1) == 0) return runtime.error("slice step cannot be zero");
  const std::int64_t low = step < 0 ? -1 : 0;
  const std::int64_t high = step < 0 ? count - 1 : count;
  const auto resolve = [&](std::optional<std::int64_t> index, std::int64_t fallback) {
    if (!index) return fallback;
    if (*index >= 0) return std::min(*index, high);
    return *index < -count ? low : std::max(*index + count, low);
  };
  const std::int64_t first = resolve(start, step < 0 ? high : low);
  const std::int64_t last = resolve(stop, step < 0 ? low : high);
  const std::int64_t span = step < 0 ? first - last : last - first;
  const std::int64_t stride = step < 0 ? -step : step;
  const std::int64_t elements = span <= 0 ? 0 : (span - 1) / stride + 1;
  return Bounds{first, last, step, static_cast<std::size_t>(elements)};
}

template <class T>
std::vector<T> take(const std::vector<T>& items, const Bounds& bounds) {
  std::vector<T> taken;
  taken.reserve(bounds.count);
  std::int64_t at = bounds.start;
  for (std::size_t i = 0; i < bounds.count; ++i, at += bounds.step) {
    taken.push_back(items[static_cast<std::size_t>(at)]);
  }
  return taken;
}

Result<Value> slice_text(Runtime& runtime, const Text& text, const Slice& slice) {
  const OriginText& whole = text.text;
  const std::size_t size = count_code_points(whole.text());
  PARAPET_TRY(runtime.spend(whole.size()));
  PARAPET_ASSIGN(const Bounds bounds, slice_bounds(runtime, slice, size));
  if (bounds.step == 1) {
    const auto start = static_cast<std::size_t>(bounds.start);
    const std::size_t begin = byte_of_code_point(whole.text(), start);
    const std::size_t end = byte_of_code_point(whole.text(), start + bounds.count);
    return Value::text(whole.substr(begin, end - begin), text.markup);
  }
  PARAPET_TRY(runtime.spend(size * sizeof(OriginText)));
  return Value::text(join(take(characters(whole), bounds), {}), text.markup);
}

Result<Value> slice_sequence(Runtime& runtime, const Sequence& sequence, const Slice& slice) {
  PARAPET_ASSIGN(const Bounds bounds, slice_bounds(runtime, slice, sequence.items.size()));
  PARAPET_TRY(runtime.spend(bounds.count * sizeof(Value)));
  Sequence part;
  part.kind = sequence.kind;
  part.items = take(sequence.items, bounds);
  if (sequence.kind == SequenceKind::kRange) {
    const auto [start, stop, step] = sequence.range;
    part.range = {start + bounds.start * step, start + bounds.stop * step, step * bounds.step};
  }
  return Value::of(std::move(part));
}

}  // namespace

Value missing_attribute(const Value& value, std::string_view name) {
  std::string problem = value.is_none() ? "'None'" : "'" + object_description(value) + "'";
  return Value::undefined(problem + " has no attribute '" + std::string(name) + "'");
}

Result<Value> get_attribute_only(Runtime& runtime, const Value& value, std::string_view name) {
  if (const Undefined* undefined = value.as_undefined()) return runtime.error(undefined->problem);
  if (auto attribute = find_attribute(value, name)) return *attribute;
  return missing_attribute(value, name);
}

Result<Value> get_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (const Undefined* undefined = value.as_undefined()) return runtime.error(undefined->problem);
  if (auto attribute = find_attribute(value, name)) return *attribute;
  if (const Dict* dict = value.as_dict()) {
    if (const Value* item = dict->find_text(name)) return *item;
  }
  return missing_attribute(value, name);
}

Result<Value> get_item(Runtime& runtime, const Value& value, const Value& key) {
  if (const Undefined* undefined = value.as_undefined()) return runtime.error(undefined->problem);
  PARAPET_ASSIGN(auto item, find_item(runtime, value, key));
  if (item) return *item;
  if (const Text* name = key.as_text()) {
    if (auto attribute = find_attribute(value, name->text.text())) return *attribute;
    return missing_attribute(value, name->text.text());
  }
  return Value::undefined("'" + object_description(value) + "' has no such element");
}

Result<Value> get_slice(Runtime& runtime, const Value& value, const Slice& slice) {
  if (const Undefined* undefined = value.as_undefined()) return runtime.error(undefined->problem);
  if (const Text* text = value.as_text()) return slice_text(runtime, *text, slice);
  const Sequence* sequence = value.as_sequence();
  if (sequence && sequence->kind <= SequenceKind::kRange) {
    return slice_sequence(runtime, *sequence, slice);
  }
  return Value::undefined("'" + object_description(value) + "' cannot be sliced");
}

Result<std::vector<Value>> iterate(Runtime& runtime, const Value& value) {
  std::vector<Value> items;
  if (const Sequence* sequence = value.as_sequence()) {
    const std::size_t begin = sequence->consumed;
    PARAPET_TRY(runtime.spend((sequence->items.size() - begin) * sizeof(Value)));
    if (sequence->is_generator()) sequence->consumed = sequence->items.size();
    items.assign(sequence->items.begin() + static_cast<std::ptrdiff_t>(begin),
                 sequence->items.end());
    return items;
  }
  if (const Dict* dict = value.as_dict()) {
    PARAPET_TRY(runtime.spend(dict->entries.size() * sizeof(Value)));
    for (const auto& entry : dict->entries) items.push_back(entry.key);
    return items;
  }
  if (const Text* text = value.as_text()) {
    // A character is a value of its own: the shared text, its runs and the handle.
    PARAPET_TRY(runtime.spend(text->text.size() * (sizeof(Value) + sizeof(Text))));
    for (OriginText& character : characters(text->text)) {
      items.push_back(Value::text(std::move(character), text->markup));
    }
    return items;
  }
  if (value.is_undefined()) return items;
  return runtime.error("'" + std::string(value.type_name()) + "' object is not iterable");
}

std::optional<std::size_t> length_of(const Value& value) {
  if (const Text* text = value.as_text()) return count_code_points(text->text.text());
  if (const Dict* dict = value.as_dict()) return dict->entries.size();
  if (value.is_undefined()) return 0;
  const Sequence* sequence = value.as_sequence();
  if (sequence && !sequence->is_generator()) return sequence->items.size();
  return std::nullopt;
}

}  // namespace parapet::jinja
