// Draws a token from logits, reproducibly.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct SamplingSettings {
  double temperature = 0;  // 0: greedy, the most likely token
  std::int64_t top_k = 0;  // 0: all tokens
  double top_p = 1;        // in (0, 1]
  std::uint64_t seed = 0;

  bool greedy() const { return temperature == 0; }
  Status check() const;
};

// On raw logits, always in this order:
//   1. top_k: the k largest logits stay; of equal ones, the smaller ids.
//   2. softmax of logits / temperature over what stays.
//   3. top_p: the shortest run of most likely tokens that holds at least top_p of that.
//   4. A draw from what stays, in proportion; number `step` of the request's own random sequence.
// The draw depends on the logits, the settings and the step only: not on neighbours in the batch.
class Sampler {
 public:
  // Settings that are not greedy: a device's argmax does that without moving logits.
  // ErrorCode::kNumeric where a logit is NaN or the largest is infinite.
  Result<TokenId> sample(std::span<const float> logits, const SamplingSettings& settings,
                         std::uint64_t step);

 private:
  struct Candidate {
    double weight;  // exp((logit - largest) / temperature)
    float logit;
    TokenId id;
  };
  static bool more_likely(const Candidate& a, const Candidate& b);

  Status load(std::span<const float> logits);
  void keep_top_k(std::int64_t top_k);
  double weigh(double temperature);
  TokenId draw(double total, double top_p, double uniform);

  std::vector<Candidate> candidates_;  // kept between calls: a vocabulary is large
};

// The number at `step` of the sequence that `seed` names, uniform in [0, 1).
double uniform_random(std::uint64_t seed, std::uint64_t step);

}  // namespace parapet
