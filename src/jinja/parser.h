// Tokens to a tree.
#pragma once

#include <string_view>

#include "jinja/ast.h"
#include "parapet/error.h"

namespace parapet::jinja {

// Syntax errors are ErrorCode::kCorrupt; what Jinja has and this engine has not (include, extends,
// an unknown filter) is kUnsupported. Each names the line: "chat_template.jinja:3: ...".
Result<Body> parse_template(std::string_view name, std::string_view source);

}  // namespace parapet::jinja
