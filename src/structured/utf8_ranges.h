// Ranges of code points as ranges of bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "structured/code_point_set.h"

namespace parapet {

struct ByteRange {
  std::uint8_t first, last;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Byte i of a character lies in bytes[i], and any choice of bytes from these ranges is a character.
struct Utf8Sequence {
  std::size_t length = 0;
  std::array<ByteRange, 4> bytes{};
};

// Sequences that together spell exactly the characters of the set, each of them once.
std::vector<Utf8Sequence> utf8_sequences(const CodePointSet& set);

}  // namespace parapet
