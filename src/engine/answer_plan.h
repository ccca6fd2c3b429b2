// What a caller knows about an answer before it is written: how a guard gets its verdict in one
// pass.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/types.h"

namespace parapet {

// Continuations that share their beginnings. A node's parent stands before it.
struct DraftTree {
  static constexpr std::int32_t kRoot = -1;  // the parent of a first token

  struct Node {
    TokenId token;
    std::int32_t parent;
  };
  std::vector<Node> nodes;

  bool empty() const { return nodes.empty(); }
  std::int32_t add(TokenId token, std::int32_t parent) {
    nodes.push_back({token, parent});
    return static_cast<std::int32_t>(nodes.size()) - 1;
  }
  // Adds what is not there yet of a continuation of `parent`, and returns its last node.
  std::int32_t add(std::span<const TokenId> tokens, std::int32_t parent = kRoot);
};

// Its answers depend on the output so far and on nothing else. The engine calls it on its own
// thread, between steps.
class AnswerPlan {
 public:
  virtual ~AnswerPlan() = default;

  // Likely continuations of `output`. They are computed in the same pass as the token that follows
  // it, and accepted as far as the model itself would have written them: the answer is that of
  // greedy decoding, token for token, whatever stands here. Used for greedy requests only.
  virtual DraftTree draft(std::span<const TokenId> output) const = 0;

  // Tokens whose log-probabilities to report at the position after `output`; at most
  // kMaxLogprobTokens.
  virtual std::span<const TokenId> watch(std::span<const TokenId> output) const = 0;
};

}  // namespace parapet
