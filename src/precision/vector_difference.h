// Formulas that compare two vectors, in double, summed in order.
#pragma once

#include <span>

namespace parapet {

// |actual - expected|_2 / |expected|_2. Where nothing is expected but zeros: 0, or 1 if it is not
// what came. Of float and of double.
template <class T>
double relative_l2(std::span<const T> actual, std::span<const T> expected);

// actual . expected / (|actual| |expected|); 1 where both are zero, 0 where one is. Of float and of
// double.
template <class T>
double cosine_similarity(std::span<const T> actual, std::span<const T> expected);

// log sum exp x_i. At least one, all finite.
double log_sum_exp(std::span<const float> logits);

// KL(expected || actual) of the distributions that the logits stand for, in nats.
double kl_divergence(std::span<const float> actual, std::span<const float> expected);

}  // namespace parapet
