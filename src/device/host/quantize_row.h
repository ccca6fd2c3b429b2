// Rows of an int8 KV cache: x is kept as scale * q.
#pragma once

#include <cstdint>

namespace parapet {

// Fills q, whose elements lie `stride` apart, and returns the scale max|x| / 127; q[i] is x[i] /
// scale to the nearest integer, ties to even: -127 to 127, off by at most scale / 2. A row without
// a normal scale, so below 2^-119, becomes zero. One with a NaN or an infinity has the scale NaN,
// so that all of it reads as NaN.
float quantize_row(const float* x, std::int64_t count, std::int8_t* q, std::int64_t stride);

}  // namespace parapet
