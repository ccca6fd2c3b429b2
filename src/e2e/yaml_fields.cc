#include "e2e/yaml_fields.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/quote.h"

namespace parapet {
namespace {

// Lists within lists may be the same one, by its alias: few bytes would become as many as one
// likes.
constexpr std::size_t kMaxMembers = 1000;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string at(const std::string& file, int line, const std::string& what) {
  return file + ":" + std::to_string(line + 1) + ": " + what;
}

// As a person wrote it, for messages.
std::string shown(const YAML::Node& value) {
  if (value.IsMap()) return "a mapping";
  if (value.IsSequence()) return "a list";
  return quote(value.Scalar());
}

// "5" in quotes is text, and so is no number.
bool is_plain_scalar(const YAML::Node& value) { return value.IsScalar() && value.Tag() != "!"; }

}  // namespace

Result<YAML::Node> parse_yaml(const std::string& file, const std::string& text) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    std::string message = error.msg;  // may hold the wrong character itself
    std::ranges::replace_if(
        message, [](unsigned char c) { return c < ' '; }, ' ');
    return Error{ErrorCode::kInvalidArgument, at(file, std::max(error.mark.line, 0), message)};
  }
}

Result<YamlFields> YamlFields::open(std::string file, std::string where, const YAML::Node& node,
                                    const std::vector<std::string>& allowed) {
  YamlFields fields(std::move(file), std::move(where), node);
  if (!node.IsMap()) {
    const std::string what = fields.where_.empty() ? "the file" : fields.where_;
    return Error{ErrorCode::kInvalidArgument,
                 at(fields.file_, std::max(node.Mark().line, 0),
                    what + " must be a mapping of keys to values; allowed: " + joined(allowed))};
  }
  PARAPET_TRY(fields.check_keys(allowed));
  return fields;
}

Status YamlFields::check_keys(const std::vector<std::string>& allowed) const {
  std::set<std::string> seen;
  const std::string prefix = where_.empty() ? "" : where_ + ": ";
  for (const auto& entry : node_) {
    const int line = entry.first.Mark().line;
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::ranges::find(allowed, key) == allowed.end()) {
      return Error{ErrorCode::kInvalidArgument, at(file_, line,
                                                   prefix + "unknown key " + shown(entry.first) +
                                                       "; allowed: " + joined(allowed))};
    }
    if (!seen.insert(key).second) {
      return Error{ErrorCode::kInvalidArgument, at(file_, line, prefix + key + " is there twice")};
    }
  }
  return {};
}

YAML::Node YamlFields::find(const std::string& key) const {
  const YAML::Node& node = node_;  // operator[] of one that is not const adds the key
  const YAML::Node value = node[key];
  return value.IsDefined() && !value.IsNull() ? value : YAML::Node(YAML::NodeType::Undefined);
}

int YamlFields::line_of(const std::string& key) const {
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.first.Mark().line;
  }
  return std::max(node_.Mark().line, 0);
}

Error YamlFields::error(const std::string& key, const std::string& what, ErrorCode code) const {
  return {code, at(file_, line_of(key), (where_.empty() ? "" : where_ + ".") + key + ": " + what)};
}

Error YamlFields::wrong_type(const std::string& key, const char* expected) const {
  return error(key, shown(find(key)) + " where " + expected + " is expected");
}

Result<std::string> YamlFields::string(const std::string& key) const {
  const YAML::Node value = find(key);
  if (!value.IsDefined()) return error(key, "is missing");
  if (!value.IsScalar() || value.Scalar().empty()) return wrong_type(key, "a text");
  return value.Scalar();
}

Result<std::string> YamlFields::string_or(const std::string& key,
                                          const std::string& fallback) const {
  return has(key) ? string(key) : fallback;
}

Result<double> YamlFields::number(const std::string& key) const {
  const YAML::Node value = find(key);
  if (!value.IsDefined()) return error(key, "is missing");
  double number = 0;
  if (!is_plain_scalar(value) || !YAML::convert<double>::decode(value, number) ||
      !std::isfinite(number)) {
    return wrong_type(key, "a number");
  }
  return number;
}

Result<double> YamlFields::number_or(const std::string& key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

Result<std::int64_t> YamlFields::integer_or(const std::string& key, std::int64_t fallback) const {
  const YAML::Node value = find(key);
  if (!value.IsDefined()) return fallback;
  std::int64_t number = 0;
  if (!is_plain_scalar(value) || !YAML::convert<std::int64_t>::decode(value, number)) {
    return wrong_type(key, "a whole number");
  }
  return number;
}

Result<bool> YamlFields::boolean_or(const std::string& key, bool fallback) const {
  const YAML::Node value = find(key);
  if (!value.IsDefined()) return fallback;
  bool on = false;
  if (!is_plain_scalar(value) || !YAML::convert<bool>::decode(value, on)) {
    return wrong_type(key, "true or false");
  }
  return on;
}

Result<std::vector<YAML::Node>> YamlFields::list(const std::string& key) const {
  const YAML::Node value = find(key);
  if (!value.IsDefined()) return error(key, "is missing");
  if (!value.IsSequence() || value.size() == 0) return wrong_type(key, "a list of one or more");
  if (value.size() > kMaxMembers) {
    return error(key, "has " + std::to_string(value.size()) + " members; expected at most " +
                          std::to_string(kMaxMembers));
  }
  return std::vector<YAML::Node>(value.begin(), value.end());
}

}  // namespace parapet
