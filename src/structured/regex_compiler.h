// Automata of patterns and of lists of strings.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parapet/error.h"
#include "structured/nfa.h"

namespace parapet {

// Accepts the texts that the pattern matches from end to end. A pattern that needs more than 20,000
// states, or that matches nothing at all, is refused.
Result<Nfa> compile_regex(std::string_view pattern);

// Accepts the strings of the list, which are UTF-8: 1 to 4,096 of them, of 64 KiB together.
Result<Nfa> compile_choices(std::span<const std::string> choices);

}  // namespace parapet
