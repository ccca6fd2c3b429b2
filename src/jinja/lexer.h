// Template source to tokens, with Jinja's whitespace rules as Hugging Face sets them: trim_blocks,
// lstrip_blocks, and one newline at the end of the source dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"

namespace parapet::jinja {

enum class TokenKind : std::uint8_t {
  kText,           // outside of all tags
  kVariableBegin,  // {{
  kVariableEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,   // decoded
  kInteger,  // as spelled, without underscores
  kFloat,    // the same
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;
  int line;

  bool is(TokenKind k) const { return kind == k; }
  bool is_operator(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// `name` stands in errors. The last token is kEnd.
Result<std::vector<Token>> tokenize(std::string_view name, std::string_view source);

}  // namespace parapet::jinja
