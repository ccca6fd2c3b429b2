#include "structured/utf8_ranges.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace parapet {
namespace {

constexpr std::array<char32_t, 4> kLastOfLength{0x7F, 0x7FF, 0xFFFF, 0x10FFFF};

// The largest c such that all of [range.first, c] is one sequence.
char32_t end_of_sequence(CodePointRange range) {
  char32_t last = range.last;
  for (const char32_t longest : kLastOfLength) {
    if (range.first <= longest) last = std::min(last, longest);
  }
  if (range.first <= kLastOfLength[0]) return last;
  // Low bits of 6, 12 and 18 places are whole continuation bytes. Above a block that the range
  // crosses, either it must begin at the block's first character or it ends with the block.
  for (unsigned bits = 6; bits <= 18; bits += 6) {
    const char32_t low = (char32_t{1} << bits) - 1;
    if ((range.first & ~low) == (last & ~low)) continue;
    if ((range.first & low) != 0) return range.first | low;
    if ((last & low) != low) last = (last & ~low) - 1;
  }
  return last;
}

Utf8Sequence sequence_of(CodePointRange range) {
  std::string first;
  std::string last;
  append_utf8(range.first, first);
  append_utf8(range.last, last);
  Utf8Sequence sequence{.length = first.size()};
  for (std::size_t i = 0; i < first.size(); ++i) {
    sequence.bytes[i] = {static_cast<std::uint8_t>(first[i]), static_cast<std::uint8_t>(last[i])};
  }
  return sequence;
}

}  // namespace

std::vector<Utf8Sequence> utf8_sequences(const CodePointSet& set) {
  std::vector<Utf8Sequence> sequences;
  for (CodePointRange rest : set.ranges()) {
    while (rest.first <= rest.last) {
      const char32_t last = end_of_sequence(rest);
      sequences.push_back(sequence_of({rest.first, last}));
      rest.first = last + 1;
    }
  }
  return sequences;
}

}  // namespace parapet
