// Reading JSON that strangers wrote: every answer is checked, and every error names file and field.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"

namespace parapet {

using JsonElement = simdjson::dom::element;
using JsonArray = simdjson::dom::array;

// "object", "array", "string", "integer", "number", "boolean" or "null".
const char* json_type_name(JsonElement element);

// One object inside a document. Keys are unique: that was checked when it was opened.
class JsonObject {
 public:
  using Fields = simdjson::dom::object;

  // Where this object stands, for messages: "config.json: rope_scaling".
  const std::string& where() const { return where_; }
  Fields fields() const { return fields_; }

  // The element, or nullopt where the key is absent or its value is null.
  std::optional<JsonElement> find(std::string_view key) const;

  // Required fields: absent, null or of another type is an Error.
  Result<std::int64_t> integer(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::string_view> string(std::string_view key) const;
  Result<JsonObject> object(std::string_view key) const;
  Result<JsonArray> array(std::string_view key) const;

  // Optional fields: absent or null gives the fallback, another type is an Error.
  Result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback) const;
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  Result<std::string_view> string_or(std::string_view key, std::string_view fallback) const;

  // "config.json: rms_norm_eps: WHAT", as an Error.
  Error error(ErrorCode code, std::string_view key, std::string_view what) const;

  // Opens an element as an object; refuses another type and duplicate keys.
  static Result<JsonObject> open(std::string where, JsonElement element);

 private:
  JsonObject(std::string where, Fields fields) : where_(std::move(where)), fields_(fields) {}

  std::string where_;
  Fields fields_;
};

// A parsed document; elements stay valid as long as it lives (it may be moved).
class JsonDocument {
 public:
  // `name` stands in errors. Depth is limited to 256; NaN and Infinity are refused.
  static Result<JsonDocument> parse(std::string name, std::string_view text);
  // A file of more than max_bytes is refused before it is read.
  static Result<JsonDocument> read(const std::filesystem::path& file, std::size_t max_bytes);

  const std::string& name() const { return name_; }
  JsonElement root() const { return root_; }
  Result<JsonObject> object() const { return JsonObject::open(name_, root_); }

 private:
  JsonDocument() = default;
  Status parse_text(std::string_view text);

  std::string name_;
  std::unique_ptr<simdjson::dom::parser> parser_;
  JsonElement root_;
};

}  // namespace parapet
