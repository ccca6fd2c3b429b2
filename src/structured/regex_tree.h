// What a regular expression says, as a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "structured/code_point_set.h"

namespace parapet {

struct RepeatCount {
  std::uint32_t least = 0;
  std::optional<std::uint32_t> most;  // none: without end
};

struct RegexNode {
  enum class Kind : std::uint8_t {
    kCharacters,    // one character of a set
    kSequence,      // children one after another; none: the empty text
    kAlternatives,  // any one of the children
    kRepeat,        // the only child, count times
  };

  Kind kind = Kind::kSequence;
  CodePointSet characters;
  std::vector<RegexNode> children;
  RepeatCount count;
};

}  // namespace parapet
