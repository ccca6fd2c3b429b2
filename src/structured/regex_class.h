// The parts of a pattern that stand for one character: escapes and [...].
#pragma once

#include <optional>

#include "structured/code_point_set.h"
#include "structured/pattern_reader.h"

namespace parapet {

// What stands where a class may: one character, which can begin or end a range, or a set.
struct RegexCharacters {
  std::optional<char32_t> single;
  CodePointSet set;
};

// An escape; its backslash is taken.
Result<RegexCharacters> read_escape(PatternReader& reader);
// A class up to its ]; its [ is taken.
Result<CodePointSet> read_class(PatternReader& reader);

}  // namespace parapet
