// Patterns in the syntax of Python's re, as far as an automaton can follow them.
#pragma once

#include <string_view>

#include "parapet/error.h"
#include "structured/regex_tree.h"

namespace parapet {

// docs/structured-output.md lists what is supported. Errors name the position in the pattern.
Result<RegexNode> parse_regex(std::string_view pattern);

}  // namespace parapet
