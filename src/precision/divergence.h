// How far results are from the reference's, in double.
#pragma once

#include <cstdint>
#include <span>

#include "precision/forward_probe.h"

namespace parapet {

// |actual - expected|_2 / |expected|_2. Where nothing is expected but zeros: 0, or 1 if it is not
// what came.
double relative_l2(std::span<const float> actual, std::span<const float> expected);

// actual . expected / (|actual| |expected|); 1 where both are zero, 0 where one is.
double cosine_similarity(std::span<const float> actual, std::span<const float> expected);

// KL(expected || actual) of the distributions that the logits stand for, in nats.
double kl_divergence(std::span<const float> actual, std::span<const float> expected);

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
