// A nondeterministic automaton over bytes, built from its end to its beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "structured/code_point_set.h"
#include "structured/utf8_ranges.h"

namespace parapet {

class Nfa {
 public:
  using State = std::uint32_t;
  static constexpr State kAccept = 0;

  struct Edge {
    ByteRange bytes;
    State to;
  };

  State start() const { return start_; }
  std::size_t size() const { return states_.size(); }
  // Whether kAccept can be reached from here.
  bool is_live(State state) const { return live_[state]; }
  // A split reads nothing and goes both ways.
  bool is_split(State state) const { return states_[state].split; }
  std::span<const State, 2> ways(State state) const { return states_[state].ways; }
  // Empty for a split and for kAccept.
  std::span<const Edge> edges(State state) const;
  std::span<const Edge> edges() const { return edges_; }

 private:
  friend class NfaBuilder;
  struct Node {
    bool split;
    State ways[2];  // of a split; else edges_[ways[0]] up to edges_[ways[1]]
  };

  std::vector<Node> states_;
  std::vector<Edge> edges_;
  std::vector<bool> live_;
  State start_ = kAccept;
};

// Each add_ returns the state that reads what was added and then goes on at `next`.
class NfaBuilder {
 public:
  using State = Nfa::State;

  NfaBuilder();

  State add_bytes(std::string_view bytes, State next);
  State add_characters(const CodePointSet& set, State next);
  State add_split(State one, State other);
  // A split of which one way is not known yet; close_loop gives it.
  State open_loop(State exit) { return add_split(exit, exit); }
  void close_loop(State loop, State body) { nfa_.states_[loop].ways[0] = body; }

  std::size_t size() const { return nfa_.size(); }
  Nfa finish(State start) &&;

 private:
  State add_edges(std::span<const Nfa::Edge> edges);
  bool reaches_live(State state) const;

  Nfa nfa_;
};

}  // namespace parapet
