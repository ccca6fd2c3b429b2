// Automata over whole texts.
#pragma once

#include <cstdint>
#include <string_view>

#include "structured/dfa.h"

namespace parapet::test {

inline Dfa::State walk(Dfa& dfa, Dfa::State from, std::string_view bytes) {
  for (const char byte : bytes) from = dfa.step(from, static_cast<std::uint8_t>(byte));
  return from;
}

inline Dfa::State walk(Dfa& dfa, std::string_view bytes) { return walk(dfa, dfa.start(), bytes); }

}  // namespace parapet::test
