#include "structured/nfa.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace parapet {

std::span<const Nfa::Edge> Nfa::edges(State state) const {
  const Node& node = states_[state];
  if (node.split) return {};
  return std::span(edges_).subspan(node.ways[0], node.ways[1] - node.ways[0]);
}

NfaBuilder::NfaBuilder() { add_edges({}); }  // kAccept

NfaBuilder::State NfaBuilder::add_edges(std::span<const Nfa::Edge> edges) {
  const auto begin = static_cast<State>(nfa_.edges_.size());
  nfa_.edges_.insert(nfa_.edges_.end(), edges.begin(), edges.end());
  const auto end = static_cast<State>(nfa_.edges_.size());
  nfa_.states_.push_back({.split = false, .ways = {begin, end}});
  return static_cast<State>(nfa_.states_.size() - 1);
}

NfaBuilder::State NfaBuilder::add_split(State one, State other) {
  nfa_.states_.push_back({.split = true, .ways = {one, other}});
  return static_cast<State>(nfa_.states_.size() - 1);
}

NfaBuilder::State NfaBuilder::add_bytes(std::string_view bytes, State next) {
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    const auto value = static_cast<std::uint8_t>(*byte);
    const Nfa::Edge edge{{value, value}, next};
    next = add_edges({&edge, 1});
  }
  return next;
}

NfaBuilder::State NfaBuilder::add_characters(const CodePointSet& set, State next) {
  // Sequences share their ends: "any character" takes eight states instead of twenty.
  std::map<std::tuple<std::uint8_t, std::uint8_t, State>, State> ends;
  std::vector<Nfa::Edge> first_bytes;
  for (const Utf8Sequence& sequence : utf8_sequences(set)) {
    State to = next;
    for (std::size_t i = sequence.length - 1; i > 0; --i) {
      const ByteRange bytes = sequence.bytes[i];
      const auto [end, is_new] = ends.try_emplace({bytes.first, bytes.last, to});
      if (is_new) {
        const Nfa::Edge edge{bytes, to};
        end->second = add_edges({&edge, 1});
      }
      to = end->second;
    }
    first_bytes.push_back({sequence.bytes[0], to});
  }
  return add_edges(first_bytes);
}

bool NfaBuilder::reaches_live(State state) const {
  const auto is_live = [&](State to) { return nfa_.live_[to]; };
  if (state == Nfa::kAccept) return true;
  if (nfa_.is_split(state)) return is_live(nfa_.ways(state)[0]) || is_live(nfa_.ways(state)[1]);
  const auto edges = nfa_.edges(state);
  return std::any_of(edges.begin(), edges.end(),
                     [&](const auto& edge) { return is_live(edge.to); });
}

Nfa NfaBuilder::finish(State start) && {
  nfa_.start_ = start;
  nfa_.live_.assign(nfa_.size(), false);
  // What a state needs in order to be live was added before it, but for bodies of loops, and a loop
  // lives by its exit: the second round finds nothing new.
  for (bool changed = true; changed;) {
    changed = false;
    for (State state = 0; state < nfa_.size(); ++state) {
      if (nfa_.live_[state] || !reaches_live(state)) continue;
      nfa_.live_[state] = true;
      changed = true;
    }
  }
  return std::move(nfa_);
}

}  // namespace parapet
