// A hostile pattern over a text: "PATTERN\0TEXT". It may be refused; else the automaton has to live
// where it accepts, and stay dead where it died.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "structured/dfa.h"
#include "structured/regex_compiler.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  auto nfa = parapet::compile_regex(input.substr(0, split));
  if (!nfa) return 0;
  parapet::Dfa dfa(std::move(nfa).value());
  parapet::Dfa::State state = dfa.start();
  if (state == parapet::Dfa::kDead) std::abort();
  const std::string_view text =
      split == std::string_view::npos ? std::string_view() : input.substr(split + 1);
  for (const char byte : text) {
    const bool was_dead = state == parapet::Dfa::kDead;
    state = dfa.step(state, static_cast<std::uint8_t>(byte));
    if (was_dead && state != parapet::Dfa::kDead) std::abort();
    if (dfa.is_full()) dfa.forget_all_but({&state, 1});
  }
  if (dfa.accepts(state) && (state == parapet::Dfa::kDead || !parapet::is_utf8(text))) std::abort();
  return 0;
}
