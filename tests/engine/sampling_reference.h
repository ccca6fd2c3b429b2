// Sampling by the book, in double, with a full sort at each step: what the sampler must agree with.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "engine/sampling.h"
#include "engine/token_constraint.h"
#include "parapet/types.h"

namespace parapet {

// A request in the middle of its answer. It owns what a SamplingContext points to.
struct SamplingCase {
  std::vector<float> logits = {};
  SamplingSettings settings = {};
  std::vector<TokenId> prompt = {};
  std::vector<TokenId> output = {};
  std::vector<TokenId> stop_token_ids = {};

  SamplingContext context(std::uint64_t step = 0) const {
    return {logits, prompt, output, stop_token_ids, step};
  }
};

// Allows the tokens for which `allowed(output, id)` holds.
class PredicateConstraint : public TokenConstraint {
 public:
  using Predicate = std::function<bool(std::span<const TokenId> output, TokenId id)>;
  explicit PredicateConstraint(Predicate allowed) : allowed_(std::move(allowed)) {}

  void allow(std::span<const TokenId> output, TokenMask& mask) const override {
    for (TokenId id = 0; id < mask.size(); ++id) {
      if (allowed_(output, id)) mask.set(id);
    }
  }

 private:
  Predicate allowed_;
};

// The logits after all rules; -infinity where a token is banned.
std::vector<double> reference_logits(const SamplingCase& request);

// By token id; 0 for what was cut off, and for all where the rules leave nothing. A greedy request
// gives its token 1.
std::vector<double> reference_probabilities(const SamplingCase& request);

// The token that the number `uniform` draws.
TokenId reference_draw(const std::vector<double>& probabilities, double uniform);

}  // namespace parapet
