#include "jinja/filters.h"

#include <algorithm>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/builtins.h"
#include "jinja/number.h"
#include "jinja/printing.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

const FilterEntry* find_filter(std::string_view name) {
  for (const auto table : {text_filters(), number_filters(), sequence_filters(),
                           selection_filters(), order_filters()}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) { return find_filter(name) != nullptr; }

Result<Value> apply_filter(Runtime& runtime, std::string_view name, const Value& value,
                           const Arguments& arguments) {
  const FilterEntry* entry = find_filter(name);
  if (entry == nullptr) return runtime.error("no filter named '" + std::string(name) + "'");
  if (entry->required == FilterEntry::kVariadic) {
    PARAPET_ASSIGN(const auto none, BoundArguments::bind(runtime, name, {}, {}));
    return entry->apply({runtime, value, none, arguments});
  }
  const auto end = std::find(entry->parameters.begin(), entry->parameters.end(), "");
  const std::span parameters(entry->parameters.begin(), end);
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, name, arguments, parameters, entry->required));
  return entry->apply({runtime, value, bound, arguments});
}

Result<Text> soft_text(Runtime& runtime, const Value& value) {
  if (const Text* text = value.as_text()) {
    PARAPET_TRY(runtime.spend(text->text.size()));
    return *text;
  }
  PARAPET_ASSIGN(OriginText text, to_text(runtime, value));
  return Text{std::move(text), false};
}

Result<AttributeGetter> AttributeGetter::make(Runtime& runtime, const Value& attribute) {
  AttributeGetter getter;
  const Text* path = attribute.as_text();
  if (path == nullptr) {
    if (!attribute.is_none()) getter.steps_.push_back(attribute);
    return getter;
  }
  const std::string& text = path->text.text();
  PARAPET_TRY(runtime.spend(text.size() * sizeof(Value)));
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const bool is_number =
        !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    const auto index = is_number ? parse_int(part, 10) : std::nullopt;
    getter.steps_.push_back(index ? Value::integer(*index)
                                  : Value::text(path->text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return getter;
}

Result<Value> AttributeGetter::get(Runtime& runtime, Value item, const Value* fallback) const {
  for (const Value& step : steps_) {
    PARAPET_ASSIGN(item, get_item(runtime, item, step));
    if (fallback != nullptr && item.is_undefined()) item = *fallback;
  }
  return item;
}

Value fold_case(const Value& value) {
  const Text* text = value.as_text();
  return text ? Value::text(to_lower(text->text), text->markup) : value;
}

}  // namespace parapet::jinja
