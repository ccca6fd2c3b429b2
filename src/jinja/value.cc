#include "jinja/value.h"

#include <algorithm>

#include "jinja/runtime.h"

namespace parapet::jinja {
namespace {

std::string_view sequence_type_name(SequenceKind kind) {
  switch (kind) {
    case SequenceKind::kList: return "list";
    case SequenceKind::kTuple: return "tuple";
    case SequenceKind::kRange: return "range";
    case SequenceKind::kGenerator: return "generator";
    case SequenceKind::kKeys: return "dict_keys";
    case SequenceKind::kValues: return "dict_values";
    case SequenceKind::kItems: return "dict_items";
  }
  return "sequence";
}

}  // namespace

Value Value::undefined(std::string problem) {
  return Value(std::make_shared<const Undefined>(Undefined{std::move(problem)}), Origin::kMessage);
}

Value Value::text(OriginText text, bool markup) {
  return Value(std::make_shared<const Text>(Text{std::move(text), markup}), Origin::kMessage);
}

Value Value::of(Sequence sequence) {
  for (const Value& item : sequence.items) {
    sequence.depth = std::max(sequence.depth, item.depth() + 1);
  }
  return Value(std::make_shared<const Sequence>(std::move(sequence)), Origin::kMessage);
}

Value make_sequence(SequenceKind kind, std::vector<Value> items) {
  Sequence sequence;
  sequence.kind = kind;
  sequence.items = std::move(items);
  return Value::of(std::move(sequence));
}

Value make_group(Value grouper, Value list) {
  Sequence pair;
  pair.kind = SequenceKind::kTuple;
  pair.items = {std::move(grouper), std::move(list)};
  pair.is_group = true;
  return Value::of(std::move(pair));
}

Value Value::of(Dict dict) {
  for (const auto& [key, value] : dict.entries) {
    dict.depth = std::max({dict.depth, key.depth() + 1, value.depth() + 1});
  }
  return Value(std::make_shared<const Dict>(std::move(dict)), Origin::kMessage);
}

std::shared_ptr<Object> Value::shared_object() const {
  const auto* shared = std::get_if<std::shared_ptr<Object>>(&data_);
  return shared ? *shared : nullptr;
}

bool Value::same_as(const Value& other) const {
  if (is_text() && other.is_text()) {
    return as_text() == other.as_text() || as_text()->text.text() == other.as_text()->text.text();
  }
  return data_ == other.data_;
}

std::string_view Value::type_name() const {
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_float()) return "float";
  if (is_undefined()) return "Undefined";
  if (is_text()) return "str";
  if (is_dict()) return "dict";
  if (const Sequence* sequence = as_sequence()) return sequence_type_name(sequence->kind);
  return as_object()->type_name();
}

int Value::depth() const {
  if (const Sequence* sequence = as_sequence()) return sequence->depth;
  if (const Dict* dict = as_dict()) return dict->depth;
  return 0;
}

const Value* Dict::find(const std::string& hash_key) const {
  const auto found = index.find(hash_key);
  return found == index.end() ? nullptr : &entries[found->second].value;
}

const Value* Dict::find_text(std::string_view key) const {
  return find(std::string("s").append(key));
}

void Dict::set(std::string hash_key, Value key, Value value) {
  const auto [found, is_new] = index.try_emplace(std::move(hash_key), entries.size());
  if (is_new) {
    entries.push_back({std::move(key), std::move(value)});
  } else {
    entries[found->second].value = std::move(value);
  }
}

void Dict::set_text(OriginText key, Value value) {
  std::string hash_key = "s" + key.text();
  set(std::move(hash_key), Value::text(std::move(key)), std::move(value));
}

std::optional<Value> Object::attribute(std::string_view) const { return std::nullopt; }

Result<Value> Object::call(Runtime& runtime, const Arguments&) {
  return runtime.error("'" + std::string(type_name()) + "' object is not callable");
}

}  // namespace parapet::jinja
