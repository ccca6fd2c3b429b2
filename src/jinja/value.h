// The values of a template: Python's, as far as templates can see them.
//
// Data is immutable and shared; only Objects (namespaces, loops, ...) change. Every scalar carries
// an Origin and every string one per byte, so that whatever is printed knows whose words it is.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/origin_text.h"
#include "parapet/error.h"

namespace parapet::jinja {

class Object;
class Runtime;
class Value;
struct Dict;
struct Sequence;

// A name or attribute that is not there. Prints as nothing; most other uses are errors.
struct Undefined {
  std::string problem;  // "'tools' is undefined"
};

struct Text {
  OriginText text;
  bool markup = false;  // from |safe or |escape: joining it with plain text escapes that text
};

class Value {
 public:
  Value() : data_(std::monostate{}) {}  // None

  static Value none(Origin origin = Origin::kMessage) { return Value(std::monostate{}, origin); }
  static Value boolean(bool value, Origin origin = Origin::kMessage) {
    return Value(value, origin);
  }
  static Value integer(std::int64_t value, Origin origin = Origin::kMessage) {
    return Value(value, origin);
  }
  static Value real(double value, Origin origin = Origin::kMessage) { return Value(value, origin); }
  static Value undefined(std::string problem);
  static Value text(OriginText text, bool markup = false);
  static Value text(std::string_view text, Origin origin) { return Value::text({text, origin}); }
  static Value of(Sequence sequence);
  static Value of(Dict dict);
  static Value of(std::shared_ptr<Object> object) {
    return Value(std::move(object), Origin::kMessage);
  }

  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  // bool is a kind of int in Python.
  bool is_integral() const { return is_int() || is_bool(); }
  bool is_number() const { return is_integral() || is_float(); }
  bool is_undefined() const { return as_undefined() != nullptr; }
  bool is_text() const { return as_text() != nullptr; }
  bool is_sequence() const { return as_sequence() != nullptr; }
  bool is_dict() const { return as_dict() != nullptr; }

  // The value, if it is of that kind; else null.
  const Undefined* as_undefined() const { return pointer<const Undefined>(); }
  const Text* as_text() const { return pointer<const Text>(); }
  const Sequence* as_sequence() const { return pointer<const Sequence>(); }
  const Dict* as_dict() const { return pointer<const Dict>(); }
  Object* as_object() const { return pointer<Object>(); }
  std::shared_ptr<Object> shared_object() const;

  // Of an integral value, and of any number.
  std::int64_t to_int() const { return is_bool() ? as_bool() : std::get<std::int64_t>(data_); }
  double to_double() const {
    return is_float() ? std::get<double>(data_) : static_cast<double>(to_int());
  }
  bool as_bool() const { return std::get<bool>(data_); }

  // Whose value this is. Strings know it by the byte, containers by their elements.
  Origin origin() const { return origin_; }

  // Two handles of one object, or the same small scalar: Python's `is`.
  bool same_as(const Value& other) const;

  // "str", "int", "dict", ...: Python's names, for messages.
  std::string_view type_name() const;

  // How deeply containers nest in this value; a scalar is 0.
  int depth() const;

 private:
  using Data =
      std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const Undefined>,
                   std::shared_ptr<const Text>, std::shared_ptr<const Sequence>,
                   std::shared_ptr<const Dict>, std::shared_ptr<Object>>;

  Value(Data data, Origin origin) : data_(std::move(data)), origin_(origin) {}

  template <class T>
  T* pointer() const {
    const auto* shared = std::get_if<std::shared_ptr<T>>(&data_);
    return shared ? shared->get() : nullptr;
  }

  Data data_;
  Origin origin_ = Origin::kMessage;
};

// kMessage if either is: what is computed from a message is the message's.
inline Origin mix(Origin a, Origin b) {
  return a == Origin::kTemplate && b == Origin::kTemplate ? Origin::kTemplate : Origin::kMessage;
}

enum class SequenceKind : std::uint8_t {
  kList,
  kTuple,
  kRange,
  kGenerator,
  kKeys,
  kValues,
  kItems
};

// list, tuple, range, the views of a dict, and generators: what a lazy filter gives in Jinja.
struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  std::array<std::int64_t, 3> range{};  // start, stop, step of a range()
  int depth = 1;
  mutable std::size_t consumed = 0;  // elements of a generator that were already taken
  bool is_group = false;             // of |groupby: a pair that also has .grouper and .list

  bool is_list() const { return kind == SequenceKind::kList; }
  bool is_tuple() const { return kind == SequenceKind::kTuple; }
  bool is_generator() const { return kind == SequenceKind::kGenerator; }
};

Value make_sequence(SequenceKind kind, std::vector<Value> items);
Value make_group(Value grouper, Value list);
inline Value make_list(std::vector<Value> items) {
  return make_sequence(SequenceKind::kList, std::move(items));
}
inline Value make_tuple(std::vector<Value> items) {
  return make_sequence(SequenceKind::kTuple, std::move(items));
}
inline Value make_generator(std::vector<Value> items) {
  return make_sequence(SequenceKind::kGenerator, std::move(items));
}

// A dict in insertion order. Keys are found by a canonical spelling in which equal keys agree
// (1, 1.0 and True are one key); see hash_key() in compare.h.
struct Dict {
  struct Entry {
    Value key;
    Value value;
  };
  std::vector<Entry> entries;
  // A tree, not a hash table: messages choose the keys and could make them collide.
  std::map<std::string, std::size_t> index;
  int depth = 1;

  const Value* find(const std::string& hash_key) const;
  const Value* find_text(std::string_view key) const;
  // A key that is there keeps its place and spelling and gets the new value.
  void set(std::string hash_key, Value key, Value value);
  void set_text(OriginText key, Value value);
};

// Arguments of a call: `f(a, b, name=c)`.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<OriginText, Value>> named;
};

// Anything that changes or can be called: namespaces, macros, functions, methods, loops.
class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  virtual std::string_view type_name() const = 0;
  // nullopt: there is no such attribute.
  virtual std::optional<Value> attribute(std::string_view name) const;
  virtual bool callable() const { return false; }
  virtual Result<Value> call(Runtime& runtime, const Arguments& arguments);
  // What printing it shows; nullopt where Python would show an address.
  virtual std::optional<std::string> printed() const { return std::nullopt; }
  // Lets go of all values, so that objects which hold each other can be freed.
  virtual void release() {}
};

}  // namespace parapet::jinja
