// What one rendering may cost. Templates and requests both come from strangers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace parapet::jinja {

// Parsing: how deeply expressions and blocks may nest. Bounds the parser's stack, and that of every
// walk over the tree. Published templates stay below 30.
inline constexpr int kMaxParseDepth = 120;
// How deeply containers may nest. JSON of a request is refused at 256 before it gets here.
inline constexpr int kMaxValueDepth = 300;
// What the reference sandbox allows in one range().
inline constexpr std::int64_t kMaxRange = 100000;

struct Limits {
  std::int64_t max_steps = 10'000'000;           // nodes evaluated and values visited; about 1 s
  std::size_t max_bytes = std::size_t{1} << 29;  // bytes made or searched, all values together
  std::size_t max_output = std::size_t{1} << 26;
  int max_depth = 600;  // nested evaluations; bounds the stack (macros, recursive loops)
};

}  // namespace parapet::jinja
