#include "checkpoint/quantize.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/half.h"
#include "base/parallel.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

constexpr std::int64_t kMaxGroup =
    *std::max_element(std::begin(kGroupSizes), std::end(kGroupSizes));
constexpr std::int64_t kPanelsPerTask = 4;  // 64 rows: enough that handing out costs nothing
constexpr std::int32_t kInfinityBits = 0x7f800000;

// Four features side by side, as the compiler's own vectors: every processor has them, and a sum
// over the inputs of each feature keeps one order.
typedef float Vec __attribute__((vector_size(16)));
typedef std::int32_t IntVec __attribute__((vector_size(16)));
typedef std::uint32_t BitVec __attribute__((vector_size(16)));
constexpr std::int64_t kLanes = 4;
constexpr std::int64_t kColumns = kPanelFeatures / kLanes;

// The inputs of one group of one panel.
struct Tile {
  Vec columns[kColumns][kMaxGroup];
  std::int64_t count = 0;  // of inputs: the group size
};
// Of them, four features: count vectors.
using Column = const Vec*;

float to_float(float value) { return value; }
struct Bf16 {
  std::uint16_t bits;
};
float to_float(Bf16 value) { return bf16_to_f32(value.bits); }
struct F16 {
  std::uint16_t bits;
};
float to_float(F16 value) { return f16_to_f32(value.bits); }

// A dense matrix, and what each of its columns is multiplied with.
template <class T>
struct Source {
  const T* data;
  std::vector<float> column_factors;  // [in]

  Source(const T* elements, const PackedBuffer& packed)
      : data(elements), column_factors(static_cast<std::size_t>(packed.shape.in_features), 1.0F) {
    if (!packed.shape.has_input_factors) return;
    for (std::size_t k = 0; k < column_factors.size(); ++k) {
      column_factors[k] = 1.0F / bf16_to_f32(packed.input_factors[k]);
    }
  }
};

// Elements past `out` and `in` read as zero.
template <class T>
void load_tile(const Source<T>& source, const PackedShape& shape, std::int64_t panel,
               std::int64_t group, Tile& tile) {
  const std::int64_t first_out = panel * kPanelFeatures;
  const std::int64_t first_in = group * shape.group_size;
  const std::int64_t features = std::min(kPanelFeatures, shape.out_features - first_out);
  const std::int64_t inputs = std::min(shape.group_size, shape.in_features - first_in);
  tile.count = shape.group_size;
  if (features < kPanelFeatures || inputs < tile.count) {
    std::memset(tile.columns, 0, sizeof tile.columns);
  }
  for (std::int64_t f = 0; f < features; ++f) {
    const T* row = source.data + (first_out + f) * shape.in_features + first_in;
    const float* factors = source.column_factors.data() + first_in;
    Vec* column = tile.columns[f / kLanes];
    for (std::int64_t k = 0; k < inputs; ++k) {
      column[k][f % kLanes] = to_float(row[k]) * factors[k];
    }
  }
}

// Of each feature, the element largest in size; the first of equals.
struct Peaks {
  Vec value = {};
  IntVec bits = {};  // of its size; at least kInfinityBits where one is not finite
};

Peaks find_peaks(Column inputs, std::int64_t count) {
  Peaks peaks;
  for (std::int64_t k = 0; k < count; ++k) {
    const IntVec bits = reinterpret_cast<IntVec>(inputs[k]) & 0x7fffffff;
    const IntVec larger = bits > peaks.bits;
    peaks.bits = larger ? bits : peaks.bits;
    peaks.value = larger ? inputs[k] : peaks.value;
  }
  return peaks;
}

// The integers that int8 and int4 stand for, as floats.
struct Range {
  float low, high;
};
constexpr Range range_of(WeightFormat format) {
  return format == WeightFormat::kInt8 ? Range{-127, 127} : Range{-8, 7};
}

// Nearest integer in the range, ties to even: adding 1.5 * 2^23 rounds at the units.
constexpr float kRounder = 12582912.0F;
template <WeightFormat kFormat>
Vec rounded(Vec steps) {
  constexpr Range kRange = range_of(kFormat);
  const Vec low = Vec{} + kRange.low;
  const Vec high = Vec{} + kRange.high;
  steps = steps > low ? steps : low;
  steps = steps < high ? steps : high;
  return (steps + kRounder) - kRounder;
}

// max|w| / 127, rounded up, so that no code leaves 1..255.
Vec int8_scale(const Peaks& peaks) {
  const Vec scale = reinterpret_cast<Vec>(peaks.bits) / 127.0F;
  return reinterpret_cast<Vec>((reinterpret_cast<BitVec>(scale) + 0xffffU) & 0xffff0000U);
}

// To the nearest bfloat16, ties to even.
Vec as_bf16(Vec value) {
  const BitVec bits = reinterpret_cast<BitVec>(value);
  return reinterpret_cast<Vec>((bits + 0x7fffU + ((bits >> 16) & 1U)) & 0xffff0000U);
}

// The squared error of int4 at these scales. It multiplies by 1/s where the codes are made by
// dividing: that can move a tie between two codes, not the choice.
Vec int4_error(Column inputs, std::int64_t count, Vec scale) {
  const Vec inverse = 1.0F / scale;
  Vec sum = {};
  for (std::int64_t k = 0; k < count; ++k) {
    const Vec miss = inputs[k] - rounded<WeightFormat::kInt4>(inputs[k] * inverse) * scale;
    sum += miss * miss;
  }
  return sum;
}

// The best of nine scales around peak / -8, which puts the peak on the code with no opposite.
Vec int4_scale(Column inputs, std::int64_t count, const Peaks& peaks) {
  constexpr float kOthers[] = {-7, -7.25F, -7.5F, -7.75F, -8.25F, -8.5F, -8.75F, -9};
  Vec best = as_bf16(peaks.value / -8.0F);
  Vec least = int4_error(inputs, count, best);
  for (const float divisor : kOthers) {
    const Vec scale = as_bf16(peaks.value / divisor);
    const Vec error = int4_error(inputs, count, scale);
    const IntVec better = error < least;
    best = better ? scale : best;
    least = better ? error : least;
  }
  return peaks.bits == 0 ? Vec{} : best;
}

// The codes of four features at the given scales, 64 bytes apart, and the sums of squares.
template <WeightFormat kFormat>
void write_codes(Column inputs, std::int64_t count, Vec scale, std::uint8_t* codes,
                 QuantizationSums& sums) {
  constexpr std::int64_t kRow = kFormat == WeightFormat::kInt8 ? 4 : 8;  // inputs in 64 bytes
  const Vec divisor = scale == 0 ? Vec{} + 1.0F : scale;
  Vec weight_squares = {};
  Vec error_squares = {};
  for (std::int64_t k = 0; k < count; k += kRow) {
    IntVec words = {};
    for (std::int64_t j = 0; j < kRow; ++j) {
      const Vec value = inputs[k + j];
      const Vec steps = rounded<kFormat>(value / divisor);
      const Vec miss = value - steps * scale;
      weight_squares += value * value;
      error_squares += miss * miss;
      const IntVec code = __builtin_convertvector(steps, IntVec) + weight_zero(kFormat);
      words |= code << static_cast<int>(j % 4 * 8 + j / 4 * 4);
    }
    std::memcpy(codes, &words, sizeof words);
    codes += kPanelFeatures * 4;
  }
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    sums.weight += static_cast<double>(weight_squares[lane]);
    sums.error += static_cast<double>(error_squares[lane]);
  }
}

// One panel: true where all of it is finite.
template <class T, WeightFormat kFormat>
bool quantize_panel(const Source<T>& source, const PackedBuffer& packed, std::int64_t panel,
                    QuantizationSums& sums) {
  const PackedShape& shape = packed.shape;
  std::uint8_t* codes = packed.codes + panel * shape.panel_bytes();
  std::uint16_t* scales = packed.scales + panel * shape.groups() * kPanelFeatures;
  bool finite = true;
  Tile tile;
  for (std::int64_t group = 0; group < shape.groups(); ++group) {
    load_tile(source, shape, panel, group, tile);
    for (std::int64_t c = 0; c < kColumns; ++c) {
      const Column inputs = tile.columns[c];
      const Peaks peaks = find_peaks(inputs, tile.count);
      Vec scale;
      if constexpr (kFormat == WeightFormat::kInt8) {
        scale = int8_scale(peaks);
      } else {
        scale = int4_scale(inputs, tile.count, peaks);
      }
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        finite = finite && peaks.bits[lane] < kInfinityBits;
        *scales++ = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(scale[lane]) >> 16);
      }
      write_codes<kFormat>(inputs, tile.count, scale, codes + c * kLanes * 4, sums);
    }
    codes += shape.group_bytes();
  }
  return finite;
}

template <class T>
Result<QuantizationSums> quantize_as(const WeightTensor& dense, const std::string& where,
                                     const PackedBuffer& packed, int num_threads,
                                     const std::function<void(std::int64_t)>& report) {
  const Source<T> source(static_cast<const T*>(dense.data), packed);
  const PackedShape& shape = packed.shape;
  std::vector<QuantizationSums> sums(static_cast<std::size_t>(shape.panels()));
  std::atomic<bool> finite = true;
  std::atomic<std::int64_t> done = 0;
  const auto task = [&](std::size_t index) {
    const std::int64_t first = static_cast<std::int64_t>(index) * kPanelsPerTask;
    const std::int64_t last = std::min(first + kPanelsPerTask, shape.panels());
    for (std::int64_t panel = first; panel < last; ++panel) {
      QuantizationSums& sum = sums[static_cast<std::size_t>(panel)];
      const bool all_finite =
          shape.format == WeightFormat::kInt8
              ? quantize_panel<T, WeightFormat::kInt8>(source, packed, panel, sum)
              : quantize_panel<T, WeightFormat::kInt4>(source, packed, panel, sum);
      if (!all_finite) finite = false;
    }
    done += last - first;
  };
  const std::int64_t tasks = (shape.panels() + kPanelsPerTask - 1) / kPanelsPerTask;
  std::function<void()> tell;
  if (report) tell = [&] { report(done); };
  for_each_task(static_cast<std::size_t>(tasks), num_threads, task, tell);
  if (!finite) {
    const auto bad = first_not_finite(dense);
    const std::string found = bad ? element_text(dense, *bad) : "an element is too large";
    return Error{ErrorCode::kNumeric,
                 where + ": " + found + "; only finite weights can be quantized"};
  }
  QuantizationSums whole;
  for (const QuantizationSums& sum : sums) {
    whole.weight += sum.weight;
    whole.error += sum.error;
  }
  return whole;
}

}  // namespace

Result<QuantizationSums> quantize_matrix(const WeightTensor& dense, const std::string& where,
                                         const PackedBuffer& packed, int num_threads,
                                         const std::function<void(std::int64_t)>& report) {
  const PackedShape& shape = packed.shape;
  PARAPET_CHECK(dense.shape.size() == 2 && dense.shape[0] == shape.out_features &&
                dense.shape[1] == shape.in_features && is_float(dense.dtype));
  switch (dense.dtype) {
    case DType::kBF16: return quantize_as<Bf16>(dense, where, packed, num_threads, report);
    case DType::kF16: return quantize_as<F16>(dense, where, packed, num_threads, report);
    default: return quantize_as<float>(dense, where, packed, num_threads, report);
  }
}

}  // namespace parapet
