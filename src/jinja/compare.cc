#include "jinja/compare.h"

#include <cmath>

#include "base/check.h"
#include "jinja/number.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

using std::partial_ordering;

std::string quoted_type(const Value& value) { return "'" + std::string(value.type_name()) + "'"; }

partial_ordering reversed(partial_ordering ordering) {
  if (std::is_lt(ordering)) return partial_ordering::greater;
  if (std::is_gt(ordering)) return partial_ordering::less;
  return ordering;
}

// Exact, where converting the int to double would round.
partial_ordering order_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.to_int() <=> b.to_int();
  if (a.is_float() && b.is_float()) return a.to_double() <=> b.to_double();
  if (a.is_float()) return reversed(order_numbers(b, a));
  const double real = b.to_double();
  if (std::isnan(real)) return partial_ordering::unordered;
  if (real >= 0x1p63) return partial_ordering::less;
  if (real < -0x1p63) return partial_ordering::greater;
  const auto whole = static_cast<std::int64_t>(real);
  if (a.to_int() != whole) return a.to_int() <=> whole;
  return 0.0 <=> real - static_cast<double>(whole);
}

Result<bool> equal_items(Runtime& runtime, const std::vector<Value>& a,
                         const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    PARAPET_ASSIGN(const bool same, equal(runtime, a[i], b[i]));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_dicts(Runtime& runtime, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, position] : a.index) {
    const Value* other = b.find(key);
    if (other == nullptr) return false;
    PARAPET_ASSIGN(const bool same, equal(runtime, a.entries[position].value, *other));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_sequences(Runtime& runtime, const Value& a, const Value& b) {
  const Sequence& left = *a.as_sequence();
  const Sequence& right = *b.as_sequence();
  if (&left == &right) return true;
  if (left.kind != right.kind || left.is_generator() || left.kind == SequenceKind::kValues) {
    return false;
  }
  return equal_items(runtime, left.items, right.items);
}

Result<partial_ordering> order_sequences(Runtime& runtime, const Sequence& a, const Sequence& b) {
  for (std::size_t i = 0; i < std::min(a.items.size(), b.items.size()); ++i) {
    PARAPET_ASSIGN(const bool same, equal(runtime, a.items[i], b.items[i]));
    if (!same) return order(runtime, a.items[i], b.items[i]);
  }
  return partial_ordering(a.items.size() <=> b.items.size());
}

Result<bool> contains_item(Runtime& runtime, const std::vector<Value>& items, const Value& needle) {
  for (const Value& item : items) {
    PARAPET_ASSIGN(const bool same, equal(runtime, item, needle));
    if (same) return true;
  }
  return false;
}

}  // namespace

bool is_true(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.to_int() != 0;
  if (value.is_float()) return value.to_double() != 0;
  if (const Text* text = value.as_text()) return !text->text.empty();
  if (const Sequence* sequence = value.as_sequence()) {
    return sequence->is_generator() || !sequence->items.empty();
  }
  if (const Dict* dict = value.as_dict()) return !dict->entries.empty();
  return value.as_object() != nullptr;  // None and Undefined are false
}

Result<bool> equal(Runtime& runtime, const Value& a, const Value& b) {
  const Runtime::Depth depth(runtime);
  PARAPET_TRY(depth.check());
  PARAPET_TRY(runtime.step());
  if (a.is_number() && b.is_number()) return std::is_eq(order_numbers(a, b));
  if (a.is_text() && b.is_text()) {
    PARAPET_TRY(runtime.spend(std::min(a.as_text()->text.size(), b.as_text()->text.size())));
    return a.as_text()->text.text() == b.as_text()->text.text();
  }
  if (a.is_sequence() && b.is_sequence()) return equal_sequences(runtime, a, b);
  if (a.is_dict() && b.is_dict()) {
    return a.as_dict() == b.as_dict() || equal_dicts(runtime, *a.as_dict(), *b.as_dict());
  }
  if (a.is_undefined() && b.is_undefined()) return true;
  return a.same_as(b);
}

Result<partial_ordering> order(Runtime& runtime, const Value& a, const Value& b) {
  const Runtime::Depth depth(runtime);
  PARAPET_TRY(depth.check());
  PARAPET_TRY(runtime.step());
  if (a.is_number() && b.is_number()) return order_numbers(a, b);
  if (a.is_text() && b.is_text()) {
    // UTF-8 sorts as its code points do.
    PARAPET_TRY(runtime.spend(std::min(a.as_text()->text.size(), b.as_text()->text.size())));
    return partial_ordering(a.as_text()->text.text() <=> b.as_text()->text.text());
  }
  const Sequence* left = a.as_sequence();
  const Sequence* right = b.as_sequence();
  if (left && right && left->kind == right->kind && (left->is_list() || left->is_tuple())) {
    return order_sequences(runtime, *left, *right);
  }
  for (const Value* value : {&a, &b}) {
    if (const Undefined* undefined = value->as_undefined())
      return runtime.error(undefined->problem);
  }
  return runtime.error("no order between " + quoted_type(a) + " and " + quoted_type(b));
}

Result<bool> contains(Runtime& runtime, const Value& haystack, const Value& needle) {
  if (const Text* text = haystack.as_text()) {
    if (!needle.is_text()) {
      return runtime.error("'in <string>' needs a string on its left, not " + quoted_type(needle));
    }
    const std::string& part = needle.as_text()->text.text();
    PARAPET_TRY(runtime.spend(text->text.size() + part.size()));
    return find_text(text->text.text(), part) != std::string::npos;
  }
  if (const Dict* dict = haystack.as_dict()) {
    PARAPET_ASSIGN(const std::string key, hash_key(runtime, needle));
    return dict->find(key) != nullptr;
  }
  if (const Sequence* sequence = haystack.as_sequence()) {
    return contains_item(runtime, sequence->items, needle);
  }
  if (haystack.is_undefined()) return false;
  return runtime.error("argument of type " + quoted_type(haystack) + " is not iterable");
}

Result<std::string> hash_key(Runtime& runtime, const Value& key) {
  const Runtime::Depth depth(runtime);
  PARAPET_TRY(depth.check());
  PARAPET_TRY(runtime.step());
  if (const Text* text = key.as_text()) {
    PARAPET_TRY(runtime.spend(text->text.size()));
    return "s" + text->text.text();
  }
  if (key.is_integral()) return "n" + std::to_string(key.to_int());
  if (key.is_float()) {
    const double real = key.to_double();
    if (real >= -0x1p63 && real < 0x1p63 && real == std::trunc(real)) {
      return "n" + std::to_string(static_cast<std::int64_t>(real));
    }
    return "n" + float_repr(real);
  }
  if (key.is_none()) return std::string("0");
  if (key.is_undefined()) return std::string("u");
  const Sequence* sequence = key.as_sequence();
  if (sequence && sequence->is_tuple()) {
    std::string spelled = "t" + std::to_string(sequence->items.size());
    for (const Value& item : sequence->items) {
      PARAPET_ASSIGN(const std::string part, hash_key(runtime, item));
      PARAPET_TRY(runtime.spend(part.size()));
      spelled.append(":").append(std::to_string(part.size())).append(":").append(part);
    }
    return spelled;
  }
  return runtime.error("unhashable type: " + quoted_type(key));
}

}  // namespace parapet::jinja
