// map, select, reject and their kin: filters that apply another filter or test to each element.
#include "base/check.h"
#include "jinja/access.h"
#include "jinja/builtins.h"
#include "jinja/compare.h"
#include "jinja/filters.h"

namespace parapet::jinja {
namespace {

// The arguments after the first `count` positional ones.
Arguments rest_of(const Arguments& arguments, std::size_t count) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

Result<std::string> name_argument(const FilterCall& call, std::size_t i, std::string_view what) {
  if (i < call.given.positional.size()) {
    if (const Text* text = call.given.positional[i].as_text()) return text->text.text();
  }
  return call.runtime.error("expected the name of a " + std::string(what));
}

// map(attribute="a.b", default=x)
Result<Value> map_attribute(const FilterCall& call) {
  PARAPET_ASSIGN(const auto bound, BoundArguments::bind(call.runtime, "map", call.given,
                                                        {"", "attribute", "default"}));
  PARAPET_ASSIGN(const auto getter, AttributeGetter::make(call.runtime, bound[1]));
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  const Value fallback = bound[2];
  for (Value& item : items) {
    PARAPET_TRY(call.runtime.step());
    PARAPET_ASSIGN(item, getter.get(call.runtime, item, fallback.is_none() ? nullptr : &fallback));
  }
  return make_generator(std::move(items));
}

Result<Value> map(const FilterCall& call) {
  if (call.value.is_none() || (call.value.is_undefined())) return make_generator({});
  bool by_attribute = false;
  for (const auto& named : call.given.named) by_attribute |= named.first.text() == "attribute";
  if (call.given.positional.empty() && by_attribute) return map_attribute(call);
  PARAPET_ASSIGN(const std::string name, name_argument(call, 0, "filter"));
  const Arguments rest = rest_of(call.given, 1);
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  for (Value& item : items) {
    PARAPET_TRY(call.runtime.step());
    PARAPET_ASSIGN(item, apply_filter(call.runtime, name, item, rest));
  }
  return make_generator(std::move(items));
}

struct Selection {
  bool by_attribute;
  bool keeps_true;
};

template <Selection kSelection>
Result<Value> choose(const FilterCall& call) {
  if (call.value.is_none() || call.value.is_undefined()) return make_generator({});
  AttributeGetter getter;
  std::size_t used = 0;
  if constexpr (kSelection.by_attribute) {
    if (call.given.positional.empty()) return call.runtime.error("the attribute is missing");
    PARAPET_ASSIGN(getter, AttributeGetter::make(call.runtime, call.given.positional[used++]));
  }
  std::string test;
  if (used < call.given.positional.size()) {
    PARAPET_ASSIGN(test, name_argument(call, used++, "test"));
  }
  const Arguments rest = rest_of(call.given, used);
  PARAPET_ASSIGN(std::vector<Value> items, iterate(call.runtime, call.value));
  std::vector<Value> kept;
  for (Value& item : items) {
    PARAPET_TRY(call.runtime.step());
    PARAPET_ASSIGN(const Value tested, getter.get(call.runtime, item));
    bool answer = is_true(tested);
    if (!test.empty()) {
      PARAPET_ASSIGN(answer, apply_test(call.runtime, test, tested, rest));
    }
    if (answer == kSelection.keeps_true) kept.push_back(std::move(item));
  }
  return make_generator(std::move(kept));
}

constexpr FilterEntry kFilters[] = {
    {"map", FilterEntry::kVariadic, {}, map},
    {"reject", FilterEntry::kVariadic, {}, choose<Selection{false, false}>},
    {"rejectattr", FilterEntry::kVariadic, {}, choose<Selection{true, false}>},
    {"select", FilterEntry::kVariadic, {}, choose<Selection{false, true}>},
    {"selectattr", FilterEntry::kVariadic, {}, choose<Selection{true, true}>},
};

}  // namespace

std::span<const FilterEntry> selection_filters() { return kFilters; }

}  // namespace parapet::jinja
