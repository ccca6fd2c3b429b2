// Sets of Unicode scalar values: what a character class of a regular expression stands for.
#pragma once

#include <initializer_list>
#include <vector>

namespace parapet {

struct CodePointRange {
  char32_t first, last;  // both are in it

  friend bool operator==(const CodePointRange&, const CodePointRange&) = default;
};

class CodePointSet {
 public:
  CodePointSet() = default;
  // The union of ranges in any order, without surrogates: UTF-8 cannot spell those.
  explicit CodePointSet(std::vector<CodePointRange> ranges);
  CodePointSet(std::initializer_list<CodePointRange> ranges)
      : CodePointSet(std::vector<CodePointRange>(ranges)) {}

  // Every other scalar value.
  CodePointSet complement() const;

  // Ascending, with a gap between any two.
  const std::vector<CodePointRange>& ranges() const { return ranges_; }

 private:
  std::vector<CodePointRange> ranges_;
};

}  // namespace parapet
