// How far results are from the reference's, in double.
#pragma once

#include <cstdint>
#include <span>

#include "precision/forward_probe.h"
#include "precision/vector_difference.h"

namespace parapet {

// Logits of a variant against the reference's, of all asked positions of all prompts.
struct LogitDivergence {
  double relative_l2 = 0;      // mean over rows
  double rms_relative_l2 = 0;  // root of the mean of its square
  double kl = 0;               // mean over rows
  double agreement = 0;        // share of rows whose largest logit is the same, the first of equals
};
// Threads change no bit.
LogitDivergence logit_divergence(std::span<const ProbeOutput> variant,
                                 std::span<const ProbeOutput> reference, std::int64_t vocab_size,
                                 int num_threads);

}  // namespace parapet
