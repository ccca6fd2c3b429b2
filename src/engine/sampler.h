// Draws a token from logits, reproducibly.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/logit_rules.h"
#include "engine/sampling.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// What each setting does, always in this order, which is that of vLLM's V1 sampler:
//    1. constraint: tokens that it does not allow after the output are banned (logit -infinity).
//    2. allowed_token_ids: all others are banned.
//    3. bad_words: the last token of a word is banned where the output ends with all before it.
//    4. min_tokens: while the output is shorter, the request's stop tokens are banned.
//    5. logit_bias is added. What is banned stays banned.
//    6. repetition_penalty, once for each distinct token of prompt and output: a positive logit is
//       divided by it, any other multiplied.
//    7. For each distinct token of the output, frequency_penalty times its count is subtracted, and
//       presence_penalty once.
//    8. A greedy request takes the largest logit: what follows is for the others.
//    9. temperature divides the logits, and the softmax makes probabilities of them.
//   10. min_p: tokens below min_p times the largest probability go.
//   11. top_k: the k most likely stay.
//   12. top_p: the shortest run of most likely tokens that holds at least top_p of what is left.
//   13. A draw from what stays, in proportion: the first token, in the order of ids, that takes the
//       sum of probabilities above number `step` of the request's own random sequence.
// Of equal logits, the smaller id counts as the more likely in 8, 11 and 12. The draw depends on
// the context and the settings only: not on neighbours in the batch, nor on earlier calls.
class Sampler {
 public:
  // The settings are as SamplingSettings::check() accepts them. ErrorCode::kNumeric where a logit
  // is NaN or the largest is infinite; ErrorCode::kInvalidArgument where the rules leave no token.
  Result<TokenId> sample(const SamplingContext& context, const SamplingSettings& settings);

 private:
  struct Candidate {
    double weight;  // exp((logit - largest) / temperature)
    float logit;
    TokenId id;
  };
  static bool more_likely(const Candidate& a, const Candidate& b);

  void weigh(std::span<const float> logits, float largest, const SamplingSettings& settings);
  void keep_top_k(std::int64_t top_k);
  void keep_top_p(double top_p);
  void restore_order();
  double total_weight() const;
  TokenId draw(double uniform) const;

  LogitRules rules_;
  // Kept between calls: a vocabulary is large.
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;  // in the order of ids
};

// The number at `step` of the sequence that `seed` names, uniform in [0, 1).
double uniform_random(std::uint64_t seed, std::uint64_t step);

}  // namespace parapet
