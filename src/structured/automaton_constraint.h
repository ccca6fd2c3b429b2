// Holds an answer to the language of an automaton.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/token_constraint.h"
#include "structured/dfa.h"
#include "structured/vocabulary_trie.h"

namespace parapet {

// Allows each token after which some continuation is still accepted, and the end tokens where the
// output is accepted as it is. For an output that no continuation can save, it sets nothing.
//
// allow() fills caches, so one thread at a time may use an object. They are bounded: about 15 MB at
// worst, and 2 MB of masks for a vocabulary of 150,000.
class AutomatonConstraint final : public TokenConstraint {
 public:
  // End tokens are ids of the vocabulary.
  AutomatonConstraint(Nfa nfa, std::shared_ptr<const VocabularyTrie> vocabulary,
                      std::vector<TokenId> end_tokens);

  void allow(std::span<const TokenId> output, TokenMask& mask) const override;

 private:
  struct Walked {
    std::vector<TokenId> output;
    Dfa::State state;
  };

  Dfa::State state_after(std::span<const TokenId> output) const;
  // The longest output that this one is or continues; may be null.
  Walked* longest_walked(std::span<const TokenId> output) const;
  void remember(std::span<const TokenId> output, Dfa::State state) const;
  // May give the state a new name.
  void allow_tokens(Dfa::State& state, TokenMask& mask) const;
  void forget_all_but(std::span<Dfa::State> held) const;
  bool is_end(TokenId id) const;

  std::shared_ptr<const VocabularyTrie> vocabulary_;
  std::vector<TokenId> end_tokens_;

  mutable Dfa dfa_;
  mutable std::vector<Dfa::State> path_;  // [depth in the trie]
  mutable std::unordered_map<Dfa::State, TokenMask> masks_;
  mutable std::vector<Walked> walked_;  // where outputs led, so that each token is read once
  mutable std::size_t next_walked_ = 0;
};

}  // namespace parapet
