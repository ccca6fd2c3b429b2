// How far an op may be from the same formula in double, and why that far.
#pragma once

namespace parapet::test {

inline constexpr double kUnitRoundoff = 0x1p-24;

// Any linear op, of sum(|x_i w_i|): a part adds 128 products in order, each rounded by itself where
// the instruction set does not fuse; the sum over a few parts comes on top. On matrix tiles 16
// products are added in order, then three parts of each of up to 33 blocks.
inline constexpr double kDotTolerance = 140 * kUnitRoundoff;

// The normalised row, relative: a sum of squares as above, halved by the root, and three products.
inline constexpr double kNormTolerance = 140 * kUnitRoundoff;

// exp, relative: two units in the last place, which is up to four roundoffs.
inline constexpr double kExpTolerance = 4 * kUnitRoundoff;

// silu(gate) * up, relative to the exact function of the computed gate: exp, sum, quotient,
// product.
inline constexpr double kSiluTolerance = 8 * kUnitRoundoff;

// A rotated element, of the pair's length: three products and two sums, besides the norm.
inline constexpr double kRotateTolerance = kNormTolerance + 4 * kUnitRoundoff;

// Attention, of the largest value. A score below 8 carries head_dim = 128 roundings of partial sums
// below 8: 2^-24 * 128 * 8 at the very worst, 6e-5; weights and their sum carry it twice.
inline constexpr double kAttentionTolerance = 1.3e-4;
// With keys and values rounded to bfloat16: a neighbour of the expected bfloat16 is 2^-8 off.
inline constexpr double kBf16AttentionTolerance = 0x1p-6;

// cos and sin of the same float angle: one unit in the last place at 1.
inline constexpr double kAngleTolerance = 2 * kUnitRoundoff;

// A log-probability, absolute: exp, a lane's 128 sums, and the result's own rounding below 32.
inline constexpr double kLogprobTolerance = 150 * kUnitRoundoff + 32 * kUnitRoundoff;

}  // namespace parapet::test
