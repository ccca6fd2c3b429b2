#include "server/json/json_writer.h"

#include <algorithm>
#include <cmath>

#include "server/json/json.h"

namespace parapet::server {
namespace {

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

}  // namespace

void JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ':';
  is_first_ = true;
}

void JsonWriter::value(std::nullptr_t) { literal("null"); }

// The shortest digits that read back as the same number, and always a number with a fraction.
void JsonWriter::value(double number) {
  if (!std::isfinite(number)) return literal("null");
  separate();
  const std::size_t begin = text_.size();
  fmt::format_to(std::back_inserter(text_), "{}", number);
  if (text_.find_first_of(".e", begin) == std::string::npos) text_ += ".0";
}

void JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
}

void JsonWriter::begin(char bracket) {
  separate();
  text_ += bracket;
  is_first_ = true;
}

void JsonWriter::end(char bracket) {
  text_ += bracket;
  is_first_ = false;
}

void JsonWriter::literal(std::string_view written) {
  separate();
  text_ += written;
}

void JsonWriter::separate() {
  if (!is_first_) text_ += ',';
  is_first_ = false;
}

// What there is to escape, or to repair, is the library's work.
void JsonWriter::quote(std::string_view text) {
  if (!std::ranges::all_of(text, is_plain)) {
    text_ += to_text(Json(text));
    return;
  }
  text_ += '"';
  text_ += text;
  text_ += '"';
}

}  // namespace parapet::server
