// Reading YAML that people wrote: every key is known or refused, and every fault has file and line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"

namespace parapet {

// The root of a file's text; kInvalidArgument with the line that breaks the syntax.
Result<YAML::Node> parse_yaml(const std::string& file, const std::string& text);

// A mapping of scalars, lists and mappings.
class YamlFields {
 public:
  // `where` stands in messages: "serve", or nothing for the root. Refuses what is no mapping, a key
  // that is not allowed, and one that is there twice.
  static Result<YamlFields> open(std::string file, std::string where, const YAML::Node& node,
                                 const std::vector<std::string>& allowed);

  // Null where the key is absent or its value empty.
  YAML::Node find(const std::string& key) const;
  bool has(const std::string& key) const { return find(key).IsDefined(); }

  Result<std::string> string(const std::string& key) const;
  Result<std::string> string_or(const std::string& key, const std::string& fallback) const;
  Result<double> number(const std::string& key) const;
  Result<double> number_or(const std::string& key, double fallback) const;
  Result<std::int64_t> integer_or(const std::string& key, std::int64_t fallback) const;
  Result<bool> boolean_or(const std::string& key, bool fallback) const;
  // The members of a list of at least one.
  Result<std::vector<YAML::Node>> list(const std::string& key) const;

  // "FILE:LINE: WHERE.KEY: WHAT", with the line of the key, else of the mapping.
  Error error(const std::string& key, const std::string& what,
              ErrorCode code = ErrorCode::kInvalidArgument) const;

 private:
  YamlFields(std::string file, std::string where, const YAML::Node& node)
      : file_(std::move(file)), where_(std::move(where)), node_(node) {}
  Status check_keys(const std::vector<std::string>& allowed) const;
  Error wrong_type(const std::string& key, const char* expected) const;
  int line_of(const std::string& key) const;

  std::string file_;
  std::string where_;
  YAML::Node node_;
};

}  // namespace parapet
