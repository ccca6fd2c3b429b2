// Quantized weights: the linear ops and the lookup against their formula in double, and a row's
// independence of its neighbours.
#include <cmath>
#include <limits>

#include "device/backends.h"
#include "device/ops.h"
#include "device/packed_tensor.h"
#include "device/test_tensor.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

struct Shape {
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
};

// Nothing, one of everything, and numbers around groups, panels, tiles and blocks.
constexpr Shape kShapes[] = {{0, 32, 16},   {1, 1, 1},      {2, 31, 15},   {1, 33, 17},
                             {3, 64, 1},    {4, 128, 32},   {5, 129, 48},  {6, 500, 33},
                             {7, 1100, 70}, {13, 256, 100}, {40, 640, 64}, {300, 160, 40}};

struct Format {
  WeightFormat format;
  std::int64_t group_size;
  bool factors = false;  // of inputs

  PackedTensor tensor(std::int64_t out, std::int64_t in, unsigned seed) const {
    return {format, group_size, out, in, seed, factors};
  }
};
constexpr Format kFormats[] = {
    {WeightFormat::kInt8, 32},        {WeightFormat::kInt8, 64},
    {WeightFormat::kInt8, 128},       {WeightFormat::kInt4, 32},
    {WeightFormat::kInt4, 64},        {WeightFormat::kInt4, 128},
    {WeightFormat::kInt8, 32, true},  {WeightFormat::kInt8, 64, true},
    {WeightFormat::kInt4, 128, true},
};

std::string describe(const Shape& shape, const Format& format) {
  return std::to_string(shape.rows) + " rows, " + std::to_string(shape.in) + " -> " +
         std::to_string(shape.out) + ", " + weight_format_name(format.format) + " in groups of " +
         std::to_string(format.group_size) + (format.factors ? " with factors" : "");
}

// The nearest bfloat16; ties to even, or away from zero.
double rounded(double value, bool ties_to_even) {
  if (value == 0.0) return value;
  const double unit = std::ldexp(1.0, std::ilogb(value) - 7);
  return (ties_to_even ? std::nearbyint(value / unit) : std::round(value / unit)) * unit;
}

// A row as the op rounds it: codes, and the step between two of them.
struct Rounded {
  Doubles codes;
  Doubles steps;  // one a group
};

Rounded quantized(const float* x, std::int64_t count, std::int64_t group_size) {
  Rounded result;
  for (std::int64_t begin = 0; begin < count; begin += group_size) {
    const std::int64_t end = std::min(count, begin + group_size);
    float largest = 0.0F;
    for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(x[i]));
    result.steps.push_back(largest / 127.0F);
    const float factor = largest < 0x1p-100F ? 0.0F : 127.0F / largest;
    for (std::int64_t i = begin; i < end; ++i) {
      const float scaled = x[i] * factor;
      result.codes.push_back(std::nearbyint(double{scaled}));
    }
  }
  return result;
}

// A row's product with a feature, and the sum of its terms' magnitudes: those of groups, or of
// single products.
struct Dot {
  double value = 0.0;
  double magnitude = 0.0;
};

Dot dot(const Rounded& x, const PackedTensor& weight, std::int64_t feature) {
  Dot result;
  const auto group_size = static_cast<std::size_t>(weight.shape().group_size);
  for (std::size_t begin = 0; begin < x.codes.size(); begin += group_size) {
    double sum = 0.0;
    for (std::size_t i = begin; i < std::min(x.codes.size(), begin + group_size); ++i) {
      sum += x.codes[i] * weight.at(feature, static_cast<std::int64_t>(i));
    }
    sum *= x.steps[begin / group_size];
    result.value += sum;
    result.magnitude += std::abs(sum);
  }
  return result;
}

// What ops.h lets a device with matrix tiles do instead for small groups: everything in bfloat16.
struct Arithmetic {
  std::int64_t group_size;
  bool tiles;

  Rounded row(const float* x, std::int64_t count) const {
    if (!tiles) return quantized(x, count, group_size);
    Rounded result;
    for (std::int64_t i = 0; i < count; ++i) result.codes.push_back(rounded(double{x[i]}, true));
    return result;
  }

  Dot dot(const Rounded& x, const PackedTensor& weight, std::int64_t feature) const {
    if (!tiles) return test::dot(x, weight, feature);
    Dot result;
    for (std::size_t i = 0; i < x.codes.size(); ++i) {
      const double term =
          x.codes[i] * rounded(weight.at(feature, static_cast<std::int64_t>(i)), false);
      result.value += term;
      result.magnitude += std::abs(term);
    }
    return result;
  }

  // Two roundings of the scale and one of the sum for each group. On tiles two chains of 16 sums,
  // which are added, and then one a block of 32.
  double rounding(const PackedShape& shape) const {
    const std::int64_t roundings = tiles ? 18 + (shape.in_features + 31) / 32 : shape.groups() + 3;
    return static_cast<double>(roundings) * kUnitRoundoff;
  }

  // How far a product goes where an activation falls to the other side of a tie; weights are below
  // 128 / 32.
  double step(const Rounded& x) const {
    constexpr double kLargestWeight = 128.0 / 32.0;
    double largest = 0.0;
    if (tiles) {
      for (const double value : x.codes) largest = std::max(largest, std::abs(value));
      return largest * 0x1p-7 * kLargestWeight;
    }
    for (const double step : x.steps) largest = std::max(largest, step);
    return largest * kLargestWeight;
  }
};

class PackedLinearOps : public BackendTest {
 protected:
  std::unique_ptr<LinearWeight> load(const PackedTensor& weight) {
    const PackedMatrix part = weight.matrix();
    return device().load_packed_linear({&part, 1}).value();
  }
  Arithmetic arithmetic(const Format& format) {
    return {format.group_size, format.group_size <= device().info().max_bf16_group};
  }
};

TEST_P(PackedLinearOps, LinearIsItsFormula) {
  for (const Format& format : kFormats) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(describe(shape, format));
      const Arithmetic rules = arithmetic(format);
      Floats x = Floats::random(shape.rows, shape.in, 1, 3.0F);
      const PackedTensor weight = format.tensor(shape.out, shape.in, 3);
      Floats out(shape.rows, shape.out, NAN);
      const auto linear = load(weight);
      ops().norm_linear(stream(), x.view(), Norm{}, *linear, out.view());
      synchronize();
      for (std::int64_t r = 0; r < shape.rows; ++r) {
        std::vector<float> input(x.row(r), x.row(r) + shape.in);
        for (std::int64_t i = 0; i < shape.in; ++i) {
          input[static_cast<std::size_t>(i)] *= weight.factor(i);
        }
        const Rounded row = rules.row(input.data(), shape.in);
        for (std::int64_t c = 0; c < shape.out; ++c) {
          const Dot expected = rules.dot(row, weight, c);
          ASSERT_NEAR(out.at(r, c), expected.value,
                      rules.rounding(weight.shape()) * expected.magnitude)
              << r << ", " << c;
        }
      }
    }
  }
}

// The largest codes there are, all of one sign: no narrow sum may overflow.
TEST_P(PackedLinearOps, ExtremeCodesDoNotOverflow) {
  for (const Format& format : kFormats) {
    const std::int64_t in = 2 * format.group_size;
    const PackedShape shape{format.format, 16, in, format.group_size};
    const bool int8 = format.format == WeightFormat::kInt8;
    for (const int byte : {0xff, int8 ? 0x01 : 0x00}) {
      const std::vector<std::uint8_t> codes(static_cast<std::size_t>(shape.code_bytes()),
                                            static_cast<std::uint8_t>(byte));
      const std::vector<std::uint16_t> scales(static_cast<std::size_t>(shape.num_scales()),
                                              f32_to_bf16(1.0F));
      const PackedMatrix matrix{shape, codes.data(), scales.data()};
      const auto linear = device().load_packed_linear({&matrix, 1}).value();
      const double value = int8 ? byte - 128 : (byte & 15) - 8;
      for (const float sign : {1.0F, -1.0F}) {
        Floats x(7, in, sign * 127.0F);
        Floats out(7, 16, NAN);
        ops().norm_linear(stream(), x.view(), Norm{}, *linear, out.view());
        synchronize();
        for (const float result : out.values) {
          ASSERT_EQ(result, static_cast<float>(sign * 127 * value * static_cast<double>(in)));
        }
      }
    }
  }
}

TEST_P(PackedLinearOps, LinearAddAddsTheProduct) {
  for (const Format& format : kFormats) {
    Floats x = Floats::random(11, 300, 4);
    const PackedTensor weight = format.tensor(50, 300, 5);
    const auto linear = load(weight);
    Floats product(11, 50, NAN);
    ops().norm_linear(stream(), x.view(), Norm{}, *linear, product.view());
    const Floats before = Floats::random(11, 50, 6, 10.0F);
    Floats residual = before;
    ops().linear_add(stream(), x.view(), *linear, residual.view());
    synchronize();
    for (std::size_t i = 0; i < residual.values.size(); ++i) {
      ASSERT_NEAR(residual.values[i], double{before.values[i]} + product.values[i],
                  2 * kUnitRoundoff * (std::abs(residual.values[i]) + std::abs(product.values[i])));
    }
  }
}

// Norms differ in their last bits between backends, so that an activation may fall to the other
// side of a tie: one step of one of them, as often as 2 * 140 roundoffs of 127 steps make it
// likely.
TEST_P(PackedLinearOps, NormGateUpSilu) {
  const std::int64_t in = 640;
  const std::int64_t features = 37;
  for (const Format& format : kFormats) {
    const Arithmetic rules = arithmetic(format);
    Floats x = Floats::random(9, in, 7);
    TestTensor scale(DType::kBF16, 1, in, 8, 3.0);
    const PackedTensor gate = format.tensor(features, in, 9);
    const PackedTensor up = format.tensor(features, in, 10);
    const PackedMatrix parts[] = {gate.matrix(), up.matrix()};
    const auto linear = device().load_packed_linear(parts).value();
    Floats out(9, features, NAN);
    ops().norm_gate_up_silu(stream(), x.view(), {scale.vector(), 1e-6F}, *linear, out.view());
    synchronize();
    for (std::int64_t r = 0; r < x.rows; ++r) {
      double squares = 0.0;
      for (std::int64_t i = 0; i < in; ++i) squares += double{x.at(r, i)} * double{x.at(r, i)};
      const double rms = std::sqrt(squares / static_cast<double>(in) + 1e-6);
      std::vector<float> normed;
      for (std::int64_t i = 0; i < in; ++i) {
        normed.push_back(static_cast<float>(x.at(r, i) / rms * scale.at(i) * gate.factor(i)));
      }
      const Rounded row = rules.row(normed.data(), in);
      const double step = rules.step(row);
      for (std::int64_t c = 0; c < features; ++c) {
        const Dot g = rules.dot(row, gate, c);
        const Dot u = rules.dot(row, up, c);
        const double silu = g.value / (1.0 + std::exp(-g.value));
        const double off_gate =
            rules.rounding(gate.shape()) * g.magnitude + kNormTolerance * g.magnitude;
        const double off_up =
            rules.rounding(up.shape()) * u.magnitude + kNormTolerance * u.magnitude;
        const double tolerance = 1.1 * (off_gate + step) * (std::abs(u.value) + step) +
                                 (off_up + step) * (std::abs(silu) + step) +
                                 kSiluTolerance * std::abs(silu * u.value);
        ASSERT_NEAR(out.at(r, c), silu * u.value, tolerance) << r << ", " << c;
      }
    }
  }
}

TEST_P(PackedLinearOps, StackedPartsAreOneMatrix) {
  const std::int64_t in = 200;
  for (const Format& format : kFormats) {
    Floats x = Floats::random(9, in, 1);
    const PackedTensor q = format.tensor(37, in, 2);
    const PackedTensor k = format.tensor(5, in, 3);
    const PackedTensor v = format.tensor(64, in, 4);
    const PackedMatrix parts[] = {q.matrix(), k.matrix(), v.matrix()};
    const auto stacked = device().load_packed_linear(parts).value();
    ASSERT_EQ(stacked->out_features(), 106);
    Floats out(9, 106, NAN);
    ops().norm_linear(stream(), x.view(), Norm{}, *stacked, out.view());
    synchronize();
    std::int64_t first = 0;
    for (const PackedTensor* part : {&q, &k, &v}) {
      const std::int64_t features = part->shape().out_features;
      Floats alone(9, features);
      const auto linear = load(*part);
      ops().norm_linear(stream(), x.view(), Norm{}, *linear, alone.view());
      synchronize();
      for (std::int64_t r = 0; r < 9; ++r) {
        EXPECT_TRUE(same_bits(out.row(r) + first, alone.row(r), features));
      }
      first += features;
    }
  }
}

// The promise of ops.h: neither the other rows, nor their number, nor the threads matter.
TEST_P(PackedLinearOps, ARowsBitsDependOnThatRowAlone) {
  const std::int64_t in = 1100;
  const std::int64_t features = 41;
  const Floats rows = Floats::random(300, in, 11);
  TestTensor scale(DType::kF32, 1, in, 12);
  for (const Format& format : kFormats) {
    const PackedTensor gate = format.tensor(features, in, 13);
    const PackedTensor up = format.tensor(features, in, 14);
    const PackedMatrix parts[] = {gate.matrix(), up.matrix()};
    Floats alone(300, features);
    for (const int num_threads : {1, 2, 3}) {
      const auto other = GetParam().device(num_threads);
      const auto other_stream = other->create_stream().value();
      const auto linear = other->load_packed_linear(parts).value();
      const auto run = [&](std::int64_t first, std::int64_t count) {
        Floats x(count, in);
        std::copy_n(rows.row(first), count * in, x.values.data());
        Floats out(count, features, NAN);
        other->ops().norm_gate_up_silu(*other_stream, x.view(), {scale.vector()}, *linear,
                                       out.view());
        EXPECT_TRUE(other_stream->synchronize().ok());
        return out;
      };
      if (num_threads == 1) {
        for (std::int64_t r = 0; r < 300; ++r) {
          std::copy_n(run(r, 1).values.data(), features, alone.row(r));
        }
      }
      for (const std::int64_t count : {1, 2, 3, 4, 5, 6, 7, 11, 17, 64, 300}) {
        const std::int64_t first = 300 - count;
        ASSERT_TRUE(same_bits(run(first, count).values.data(), alone.row(first), count * features))
            << count << " rows, " << num_threads << " threads, "
            << weight_format_name(format.format);
      }
    }
  }
}

TEST_P(PackedLinearOps, InfinityAndNanStayInTheirRow) {
  for (const Format& format : kFormats) {
    Floats x(5, 200, 1.0F);
    x.row(0)[150] = INFINITY;
    x.row(1)[199] = NAN;
    x.row(2)[0] = -INFINITY;
    for (std::int64_t i = 0; i < 200; ++i) x.row(4)[i] = 1e-39F;
    const PackedTensor weight = format.tensor(19, 200, 1);
    Floats out(5, 19);
    const auto linear = load(weight);
    ops().norm_linear(stream(), x.view(), Norm{}, *linear, out.view());
    synchronize();
    for (std::int64_t c = 0; c < 19; ++c) {
      EXPECT_TRUE(std::isnan(out.at(0, c)));
      EXPECT_TRUE(std::isnan(out.at(1, c)));
      EXPECT_TRUE(std::isnan(out.at(2, c)));
      EXPECT_TRUE(std::isfinite(out.at(3, c)));
      EXPECT_EQ(out.at(4, c), 0.0F);
    }
  }
}

TEST_P(PackedLinearOps, EmbedIsExact) {
  for (const Format& format : kFormats) {
    for (const std::int64_t features : {1, 31, 130, 256}) {
      const PackedTensor table = format.tensor(35, features, 1);
      const auto weight = load(table);
      Ints ids{{34, 0, 16, 16, 15}};
      Floats hidden(5, features, NAN);
      ops().embed(stream(), ids.vector(), *weight, hidden.view());
      synchronize();
      for (std::int64_t t = 0; t < 5; ++t) {
        for (std::int64_t i = 0; i < features; ++i) {
          const std::int32_t id = ids.values[static_cast<std::size_t>(t)];
          ASSERT_EQ(hidden.at(t, i), table.at(id, i) * double{table.factor(i)});
        }
      }
    }
  }
}

TEST_P(PackedLinearOps, LoadRefusesPartsThatDoNotStack) {
  const PackedTensor a(WeightFormat::kInt8, 64, 16, 64, 1);
  const PackedTensor other_format(WeightFormat::kInt4, 64, 16, 64, 1);
  const PackedTensor other_group(WeightFormat::kInt8, 32, 16, 64, 1);
  const PackedTensor narrow(WeightFormat::kInt8, 64, 16, 63, 1);
  const PackedTensor factors(WeightFormat::kInt8, 64, 16, 64, 1, true);
  for (const PackedTensor* b : {&other_format, &other_group, &narrow, &factors}) {
    const PackedMatrix parts[] = {a.matrix(), b->matrix()};
    EXPECT_EQ(device().load_packed_linear(parts).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(device().load_packed_linear({}).error().code, ErrorCode::kInvalidArgument);
  const std::vector<std::uint16_t> ones(64, f32_to_bf16(1.0F));
  PackedMatrix parts[] = {factors.matrix(), factors.matrix()};
  EXPECT_TRUE(device().load_packed_linear(parts).ok());
  parts[1].input_factors = ones.data();
  EXPECT_EQ(device().load_packed_linear(parts).error().message,
            "stacked packed weights must have the same factors of inputs");
  PackedMatrix odd = a.matrix();
  odd.shape.group_size = 48;
  EXPECT_EQ(device().load_packed_linear({&odd, 1}).error().message,
            "packed weights: group_size is 48, expected 32, 64 or 128");
  PackedMatrix empty = a.matrix();
  empty.codes = nullptr;
  EXPECT_EQ(device().load_packed_linear({&empty, 1}).error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Backends, PackedLinearOps, testing::ValuesIn(all_backends()),
                         backend_name);

}  // namespace
}  // namespace parapet::test
