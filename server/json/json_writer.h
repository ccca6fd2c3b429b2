// JSON from left to right, without a tree in between: for answers that many clients wait for.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace parapet::server {

// Begins and ends must match, and members of an object come by field(), or by key() and one value:
// that is on the caller. It reads as what to_text() writes of the same values.
class JsonWriter {
 public:
  JsonWriter() { text_.reserve(kUsualBytes); }

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);

  void value(std::nullptr_t);
  template <std::integral T>  // true and false too
  void value(T number) {
    separate();
    fmt::format_to(std::back_inserter(text_), "{}", number);
  }
  void value(double number);          // null where it is not finite
  void value(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
  void value(const char* text) { value(std::string_view(text)); }
  // A value that is JSON already.
  void json(std::string_view written) { literal(written); }

  template <class T>
  void field(std::string_view name, const T& what) {
    key(name);
    value(what);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t kUsualBytes = 2048;  // an answer with one verdict has about 1,300

  void begin(char bracket);
  void end(char bracket);
  void literal(std::string_view written);
  void separate();  // from the value before
  void quote(std::string_view text);

  std::string text_;
  bool is_first_ = true;  // nothing stands before the next value, in its brackets or after its key
};

}  // namespace parapet::server
