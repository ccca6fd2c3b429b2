// Functions of one row, on the Vec of the including file.

// Applies fn(offset, count) to whole vectors and then to the rest.
template <class Fn>
inline void for_each_vec(std::int64_t count, const Fn& fn) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) fn(i, kLanes);
  if (i < count) fn(i, static_cast<int>(count - i));
}

inline Vec load_count(const float* from, int count) {
  return count == kLanes ? load(from) : load_first(from, count);
}
inline void store_count(float* to, Vec v, int count) {
  if (count == kLanes) {
    store(to, v);
  } else {
    store_first(to, v, count);
  }
}

// exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln(2)/2, by the Taylor polynomial of degree 7, whose
// remainder is below 6e-9 of the result. A NaN stays one.
inline Vec exp_vec(Vec x) {
  constexpr float kRound = 0x1.8p23F;       // adding it drops the fraction, to nearest even
  constexpr float kLn2High = 0x1.62e4p-1F;  // n * kLn2High is exact for |n| < 2^9
  constexpr float kLn2Low = 0x1.7f7d1cp-20F;
  x = min(splat(89.0F), max(splat(-104.0F), x));
  const Vec n = (x * splat(0x1.715476p0F) + splat(kRound)) - splat(kRound);
  const Vec r = fma(n, splat(-kLn2Low), fma(n, splat(-kLn2High), x));
  Vec p = splat(1.0F / 5040);
  p = fma(p, r, splat(1.0F / 720));
  p = fma(p, r, splat(1.0F / 120));
  p = fma(p, r, splat(1.0F / 24));
  p = fma(p, r, splat(1.0F / 6));
  p = fma(p, r, splat(0.5F));
  p = fma(p, r, splat(1.0F));
  p = fma(p, r, splat(1.0F));
  return scale_by_power_of_2(p, n);
}

void exp_row(const float* x, std::int64_t count, float* out) {
  for_each_vec(count, [&](std::int64_t i, int lanes) {
    store_count(out + i, exp_vec(load_count(x + i, lanes)), lanes);
  });
}

// Long sums have parts of this many elements, added in order. Inside one, lane j sums the elements
// j modulo the vector width.
constexpr std::int64_t kSumBlock = 512;

float inverse_rms(const float* x, std::int64_t count, float eps) {
  float sum = 0.0F;
  for (std::int64_t begin = 0; begin < count; begin += kSumBlock) {
    const std::int64_t rest = count - begin;
    Vec lanes = splat(0.0F);
    for_each_vec(rest < kSumBlock ? rest : kSumBlock, [&](std::int64_t i, int n) {
      const Vec v = load_count(x + begin + i, n);
      lanes = fma(v, v, lanes);
    });
    sum += reduce_add(lanes);
  }
  return 1.0F / __builtin_sqrtf(sum / static_cast<float>(count) + eps);
}

void scale_row(const float* x, float factor, const float* scale, std::int64_t count, float* out) {
  for_each_vec(count, [&](std::int64_t i, int lanes) {
    const Vec normed = load_count(x + i, lanes) * splat(factor);
    store_count(out + i, normed * load_count(scale + i, lanes), lanes);
  });
}

void silu_mul(const float* gate, const float* up, std::int64_t count, float* out) {
  const Vec one = splat(1.0F);
  for_each_vec(count, [&](std::int64_t i, int lanes) {
    const Vec g = load_count(gate + i, lanes);
    const Vec silu = g / (one + exp_vec(-g));
    store_count(out + i, silu * load_count(up + i, lanes), lanes);
  });
}

void rotate(const float* x, const float* cos_sin, std::int64_t half, float* out) {
  for_each_vec(half, [&](std::int64_t i, int lanes) {
    const Vec a = load_count(x + i, lanes);
    const Vec b = load_count(x + half + i, lanes);
    const Vec cos = load_count(cos_sin + i, lanes);
    const Vec sin = load_count(cos_sin + half + i, lanes);
    store_count(out + i, a * cos - b * sin, lanes);
    store_count(out + half + i, b * cos + a * sin, lanes);
  });
}

// The first index at or after `begin` that holds `value`, which is known to be there.
std::int64_t find(const float* x, std::int64_t count, float value) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const unsigned lanes = equal_lanes(load(x + i), splat(value));
    if (lanes != 0) return i + __builtin_ctz(lanes);
  }
  while (i < count && x[i] != value) ++i;
  return i;
}

std::int64_t argmax(const float* x, std::int64_t count) {
  Vec best_lanes = splat(-__builtin_inff());
  unsigned nan = 0;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec v = load(x + i);
    best_lanes = max(best_lanes, v);
    nan |= nan_lanes(v);
  }
  float best = reduce_max(best_lanes);
  for (; i < count; ++i) {
    best = x[i] > best ? x[i] : best;
    nan |= x[i] != x[i] ? 1U : 0U;
  }
  return nan != 0 ? -1 : find(x, count, best);
}

double sum_exp(const float* x, std::int64_t count, float max_value) {
  double total = 0.0;
  for (std::int64_t begin = 0; begin < count; begin += kSumBlock) {
    const std::int64_t end = begin + kSumBlock < count ? begin + kSumBlock : count;
    Vec lanes = splat(0.0F);
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      lanes = lanes + exp_vec(load(x + i) - splat(max_value));
    }
    float rest[kLanes] = {};
    if (i < end) {
      const int tail = static_cast<int>(end - i);
      store_first(rest, exp_vec(load_first(x + i, tail) - splat(max_value)), tail);
    }
    lanes = lanes + load(rest);
    total += static_cast<double>(reduce_add(lanes));
  }
  return total;
}
