#include "base/json.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxDepth = 256;    // far past any checkpoint's; bounds the parser's stack
constexpr std::size_t kSmallObject = 16;  // up to here comparing all pairs beats sorting

bool has_duplicate_keys(simdjson::dom::object fields) {
  std::vector<std::string_view> keys;
  for (const auto& field : fields) {
    if (keys.size() < kSmallObject &&
        std::find(keys.begin(), keys.end(), field.key) != keys.end()) {
      return true;
    }
    keys.push_back(field.key);
  }
  if (keys.size() <= kSmallObject) return false;
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

}  // namespace

const char* json_type_name(JsonElement element) {
  switch (element.type()) {
    case simdjson::dom::element_type::OBJECT: return "object";
    case simdjson::dom::element_type::ARRAY: return "array";
    case simdjson::dom::element_type::STRING: return "string";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64: return "integer";
    case simdjson::dom::element_type::DOUBLE: return "number";
    case simdjson::dom::element_type::BOOL: return "boolean";
    case simdjson::dom::element_type::NULL_VALUE: return "null";
  }
  return "unknown";
}

Result<JsonObject> JsonObject::open(std::string where, JsonElement element) {
  simdjson::dom::object fields;
  if (element.get(fields) != simdjson::SUCCESS) {
    return Error{ErrorCode::kCorrupt,
                 where + ": expected an object, found " + json_type_name(element)};
  }
  if (has_duplicate_keys(fields)) {
    return Error{ErrorCode::kCorrupt, where + ": the same key stands twice in one object"};
  }
  return JsonObject(std::move(where), fields);
}

Error JsonObject::error(ErrorCode code, std::string_view key, std::string_view what) const {
  std::string message = where_;
  message.append(": ").append(key).append(": ").append(what);
  return {code, std::move(message)};
}

std::optional<JsonElement> JsonObject::find(std::string_view key) const {
  JsonElement element;
  if (fields_.at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) {
    return std::nullopt;
  }
  return element;
}

namespace {

// The one place that turns "absent", "null" and "wrong type" into Errors.
template <class T>
Result<T> require(const JsonObject& object, std::string_view key, const char* expected) {
  const auto element = object.find(key);
  if (!element) {
    return object.error(ErrorCode::kCorrupt, key, std::string("missing; expected ") + expected);
  }
  T value;
  if (element->get(value) != simdjson::SUCCESS) {
    return object.error(
        ErrorCode::kCorrupt, key,
        std::string("expected ") + expected + ", found " + json_type_name(*element));
  }
  return value;
}

}  // namespace

Result<std::int64_t> JsonObject::integer(std::string_view key) const {
  return require<std::int64_t>(*this, key, "an integer");
}
Result<double> JsonObject::number(std::string_view key) const {
  return require<double>(*this, key, "a number");
}
Result<bool> JsonObject::boolean(std::string_view key) const {
  return require<bool>(*this, key, "true or false");
}
Result<std::string_view> JsonObject::string(std::string_view key) const {
  return require<std::string_view>(*this, key, "a string");
}
Result<JsonArray> JsonObject::array(std::string_view key) const {
  return require<JsonArray>(*this, key, "an array");
}

Result<JsonObject> JsonObject::object(std::string_view key) const {
  const auto element = find(key);
  if (!element) return error(ErrorCode::kCorrupt, key, "missing; expected an object");
  return open(where_ + ": " + std::string(key), *element);
}

Result<std::int64_t> JsonObject::integer_or(std::string_view key, std::int64_t fallback) const {
  if (!find(key)) return fallback;
  return integer(key);
}
Result<double> JsonObject::number_or(std::string_view key, double fallback) const {
  if (!find(key)) return fallback;
  return number(key);
}
Result<bool> JsonObject::boolean_or(std::string_view key, bool fallback) const {
  if (!find(key)) return fallback;
  return boolean(key);
}
Result<std::string_view> JsonObject::string_or(std::string_view key,
                                               std::string_view fallback) const {
  if (!find(key)) return fallback;
  return string(key);
}

Status JsonDocument::parse_text(std::string_view text) {
  // simdjson copies from the pointer even where there is nothing, and that of no text may be null.
  if (text.empty()) {
    return Error{ErrorCode::kCorrupt,
                 name_ + ": not valid JSON: " + simdjson::error_message(simdjson::EMPTY)};
  }
  parser_ = std::make_unique<simdjson::dom::parser>();
  if (const auto code = parser_->allocate(text.size(), kMaxDepth); code != simdjson::SUCCESS) {
    return Error{ErrorCode::kResourceExhausted,
                 name_ + ": cannot hold JSON of " + std::to_string(text.size()) + " bytes"};
  }
  const auto code = parser_->parse(text.data(), text.size(), /*realloc_if_needed=*/true).get(root_);
  if (code != simdjson::SUCCESS) {
    return Error{ErrorCode::kCorrupt, name_ + ": not valid JSON: " + simdjson::error_message(code)};
  }
  return {};
}

Result<JsonDocument> JsonDocument::parse(std::string name, std::string_view text) {
  JsonDocument document;
  document.name_ = std::move(name);
  PARAPET_TRY(document.parse_text(text));
  return document;
}

Result<JsonDocument> JsonDocument::read(const std::filesystem::path& file, std::size_t max_bytes) {
  PARAPET_ASSIGN(const std::string text, read_file(file, max_bytes));
  return parse(file.string(), text);
}

}  // namespace parapet
