#include "structured/automaton_constraint.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxMasks = 100;
constexpr std::size_t kMaxWalked = 16;  // answers that share a constraint and grow in turn

}  // namespace

AutomatonConstraint::AutomatonConstraint(Nfa nfa, std::shared_ptr<const VocabularyTrie> vocabulary,
                                         std::vector<TokenId> end_tokens)
    : vocabulary_(std::move(vocabulary)),
      end_tokens_(std::move(end_tokens)),
      dfa_(std::move(nfa)),
      path_(vocabulary_->depth() + 1) {}

void AutomatonConstraint::allow(std::span<const TokenId> output, TokenMask& mask) const {
  PARAPET_CHECK(mask.size() == vocabulary_->vocab_size());
  Dfa::State state = state_after(output);
  if (state == Dfa::kDead) return;
  if (const auto known = masks_.find(state); known != masks_.end()) {
    mask = known->second;
    return;
  }
  allow_tokens(state, mask);
  if (dfa_.is_spent()) {
    mask.clear();  // it may lack tokens, which would be wrong without a word
    return;
  }
  if (dfa_.accepts(state)) {
    for (const TokenId id : end_tokens_) mask.set(id);
  }
  if (masks_.size() == kMaxMasks) masks_.clear();
  masks_.emplace(state, mask);
}

Dfa::State AutomatonConstraint::state_after(std::span<const TokenId> output) const {
  Dfa::State state = dfa_.start();
  std::size_t walked = 0;
  if (const Walked* known = longest_walked(output)) {
    state = known->state;
    walked = known->output.size();
  }
  for (const TokenId id : output.subspan(walked)) {
    const std::string_view bytes = is_end(id) ? std::string_view() : vocabulary_->bytes(id);
    if (bytes.empty()) state = Dfa::kDead;
    for (const char byte : bytes) {
      if (dfa_.is_full()) forget_all_but({&state, 1});
      state = dfa_.step(state, static_cast<std::uint8_t>(byte));
    }
  }
  remember(output, state);
  return state;
}

AutomatonConstraint::Walked* AutomatonConstraint::longest_walked(
    std::span<const TokenId> output) const {
  Walked* longest = nullptr;
  for (Walked& walked : walked_) {
    const std::vector<TokenId>& before = walked.output;
    if (before.size() > output.size() || (longest && before.size() <= longest->output.size()) ||
        !std::equal(before.begin(), before.end(), output.begin())) {
      continue;
    }
    longest = &walked;
  }
  return longest;
}

// In place of the output that this one continues, or of the oldest.
void AutomatonConstraint::remember(std::span<const TokenId> output, Dfa::State state) const {
  Walked* place = longest_walked(output);
  if (place == nullptr && walked_.size() < kMaxWalked) place = &walked_.emplace_back();
  if (place == nullptr) place = &walked_[next_walked_++ % kMaxWalked];
  place->output.assign(output.begin(), output.end());
  place->state = state;
}

void AutomatonConstraint::allow_tokens(Dfa::State& state, TokenMask& mask) const {
  path_[0] = state;
  const auto nodes = vocabulary_->nodes();
  for (std::size_t i = 0; i < nodes.size();) {
    const VocabularyTrie::Node& node = nodes[i];
    if (dfa_.is_full()) forget_all_but(std::span(path_).first(node.depth));
    path_[node.depth] = dfa_.step(path_[node.depth - 1U], node.byte);
    if (path_[node.depth] == Dfa::kDead) {
      i = node.subtree_end;
      continue;
    }
    for (const TokenId id : vocabulary_->tokens_at(i)) {
      if (!is_end(id)) mask.set(id);
    }
    ++i;
  }
  state = path_[0];
}

// States have new names afterwards, so whatever goes by the old ones goes too.
void AutomatonConstraint::forget_all_but(std::span<Dfa::State> held) const {
  masks_.clear();
  walked_.clear();
  dfa_.forget_all_but(held);
}

bool AutomatonConstraint::is_end(TokenId id) const {
  return std::find(end_tokens_.begin(), end_tokens_.end(), id) != end_tokens_.end();
}

}  // namespace parapet
