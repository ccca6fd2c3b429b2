// A deterministic automaton over bytes that is made of an Nfa where it is walked, and nowhere else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "structured/nfa.h"

namespace parapet {

class Dfa {
 public:
  using State = std::uint32_t;
  // No text leads from here to acceptance. Every other state can still accept.
  static constexpr State kDead = 0;

  explicit Dfa(Nfa nfa);

  State start() const { return start_; }
  bool accepts(State state) const { return accepts_[state]; }

  // kDead for good once the work is spent: see is_spent.
  State step(State from, std::uint8_t byte) {
    const State known = next_[from * classes_ + class_of_[byte]];
    return known != kUnknown ? known : find_next(from, byte);
  }

  // Known states are bounded by whoever walks: once it is full, the walker forgets all states but
  // those that it still holds, and goes on with their new names.
  bool is_full() const { return sets_.size() >= kMaxStates || members_ >= kMaxMembers; }
  void forget_all_but(std::span<State> held);

  // Hostile patterns can have exponentially many states, each as large as the Nfa. What all steps
  // may cost together is limited, so that no pattern takes more than about half a second.
  bool is_spent() const { return work_ >= kMaxWork; }

 private:
  // The sorted Nfa states of a Dfa state. A string, because strings have a hash.
  using Members = std::u32string;

  static constexpr State kUnknown = UINT32_MAX;
  static constexpr std::size_t kMaxStates = 10'000;
  static constexpr std::size_t kMaxMembers = std::size_t{1} << 20;  // 4 MB
  static constexpr std::size_t kMaxWork = 30'000'000;               // edges and members looked at

  void find_byte_classes();
  void restart();
  State find_next(State from, std::uint8_t byte);
  void add_closure(Nfa::State state);
  State intern_found();
  State intern(Members members);

  Nfa nfa_;
  std::array<std::uint8_t, 256> class_of_{};  // bytes of one class lead to the same states
  std::size_t classes_ = 1;

  State start_ = kDead;
  std::unordered_map<Members, State> ids_;
  std::vector<const Members*> sets_;  // [state], keys of ids_
  std::vector<bool> accepts_;         // [state]
  std::vector<State> next_;           // [state, class]
  std::size_t members_ = 0;           // of all sets together
  std::size_t work_ = 0;

  // Of the set that is being made.
  Members found_;
  std::vector<Nfa::State> pending_;     // split ways to follow
  std::vector<std::uint32_t> seen_in_;  // [nfa state]: the last round that met it
  std::uint32_t round_ = 0;
};

}  // namespace parapet
