// The three linear ops against double, and a row's independence of its neighbours.
#include <cmath>

#include "device/backends.h"
#include "device/ops.h"
#include "device/test_tensor.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

struct Shape {
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
};

// Nothing, one of everything, and numbers around the widths of vectors, tiles, panels and blocks.
constexpr Shape kShapes[] = {{0, 8, 8},     {1, 1, 1},      {2, 3, 5},     {1, 17, 40},
                             {3, 64, 1},    {4, 31, 13},    {5, 512, 26},  {7, 513, 50},
                             {17, 100, 97}, {33, 1030, 14}, {130, 48, 66}, {300, 24, 10}};
constexpr DType kWeightTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

std::string describe(const Shape& shape, DType dtype) {
  return std::to_string(shape.rows) + " rows, " + std::to_string(shape.in) + " -> " +
         std::to_string(shape.out) + ", " + dtype_name(dtype);
}

// A dot product, and the sum of its terms' magnitudes, to which errors are relative.
struct Dot {
  double value = 0.0;
  double magnitude = 0.0;
};

Dot dot(const Doubles& x, const TestTensor& weight, std::int64_t row) {
  Dot dot;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double term = x[i] * weight.at(row, static_cast<std::int64_t>(i));
    dot.value += term;
    dot.magnitude += std::abs(term);
  }
  return dot;
}

Doubles plain_row(const Floats& x, std::int64_t row) { return {x.row(row), x.row(row) + x.cols}; }

Doubles normed_row(const Floats& x, std::int64_t row, const TestTensor& scale, double eps) {
  Doubles normed = plain_row(x, row);
  double squares = 0.0;
  for (const double value : normed) squares += value * value;
  const double rms = std::sqrt(squares / static_cast<double>(normed.size()) + eps);
  for (std::size_t i = 0; i < normed.size(); ++i) {
    normed[i] *= scale.at(static_cast<std::int64_t>(i)) / rms;
  }
  return normed;
}

class LinearOps : public BackendTest {
 protected:
  std::unique_ptr<LinearWeight> load(TestTensor& weight) {
    const TensorView part = weight.matrix();
    return device().load_linear({&part, 1}).value();
  }
};

TEST_P(LinearOps, NormLinear) {
  for (const DType dtype : kWeightTypes) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(describe(shape, dtype));
      Floats x = Floats::random(shape.rows, shape.in, 1);
      TestTensor scale(dtype, 1, shape.in, 2);
      TestTensor weight(dtype, shape.out, shape.in, 3);
      Floats out(shape.rows, shape.out, NAN);
      const float eps = 1e-3F;
      const auto linear = load(weight);
      ops().norm_linear(stream(), x.view(), {scale.vector(), eps}, *linear, out.view());
      synchronize();
      for (std::int64_t r = 0; r < shape.rows; ++r) {
        const Doubles normed = normed_row(x, r, scale, eps);
        for (std::int64_t c = 0; c < shape.out; ++c) {
          const Dot expected = dot(normed, weight, c);
          ASSERT_NEAR(out.at(r, c), expected.value,
                      (kDotTolerance + kNormTolerance) * expected.magnitude + 1e-30)
              << r << ", " << c;
        }
      }
    }
  }
}

TEST_P(LinearOps, NormLinearWithoutScaleIsLinear) {
  Floats x = Floats::random(6, 77, 1);
  TestTensor weight(DType::kBF16, 29, 77, 3);
  Floats out(6, 29, NAN);
  const auto linear = load(weight);
  ops().norm_linear(stream(), x.view(), Norm{}, *linear, out.view());
  synchronize();
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < out.cols; ++c) {
      const Dot expected = dot(plain_row(x, r), weight, c);
      ASSERT_NEAR(out.at(r, c), expected.value, kDotTolerance * expected.magnitude);
    }
  }
}

TEST_P(LinearOps, LinearAdd) {
  for (const DType dtype : kWeightTypes) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(describe(shape, dtype));
      Floats x = Floats::random(shape.rows, shape.in, 4);
      TestTensor weight(dtype, shape.out, shape.in, 5);
      const Floats before = Floats::random(shape.rows, shape.out, 6, 10.0F);
      Floats residual = before;
      const auto linear = load(weight);
      ops().linear_add(stream(), x.view(), *linear, residual.view());
      synchronize();
      for (std::int64_t r = 0; r < shape.rows; ++r) {
        for (std::int64_t c = 0; c < shape.out; ++c) {
          const Dot expected = dot(plain_row(x, r), weight, c);
          const double sum = before.at(r, c) + expected.value;
          ASSERT_NEAR(residual.at(r, c), sum,
                      kDotTolerance * expected.magnitude + 2 * kUnitRoundoff * std::abs(sum));
        }
      }
    }
  }
}

TEST_P(LinearOps, NormGateUpSilu) {
  for (const DType dtype : kWeightTypes) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(describe(shape, dtype));
      Floats x = Floats::random(shape.rows, shape.in, 7);
      TestTensor scale(DType::kF32, 1, shape.in, 8, 3.0);
      TestTensor gate(dtype, shape.out, shape.in, 9);
      TestTensor up(dtype, shape.out, shape.in, 10);
      Floats out(shape.rows, shape.out, NAN);
      const TensorView parts[] = {gate.matrix(), up.matrix()};
      const auto linear = device().load_linear(parts).value();
      const float eps = 1e-6F;
      ops().norm_gate_up_silu(stream(), x.view(), {scale.vector(), eps}, *linear, out.view());
      synchronize();
      for (std::int64_t r = 0; r < shape.rows; ++r) {
        const Doubles normed = normed_row(x, r, scale, eps);
        for (std::int64_t c = 0; c < shape.out; ++c) {
          const Dot g = dot(normed, gate, c);
          const Dot u = dot(normed, up, c);
          const double silu = g.value / (1.0 + std::exp(-g.value));
          const double sums = kDotTolerance + kNormTolerance;
          // |silu'| < 1.1
          const double tolerance = 1.1 * sums * g.magnitude * (std::abs(u.value) + 1e-3) +
                                   sums * u.magnitude * (std::abs(silu) + 1e-3) +
                                   kSiluTolerance * std::abs(silu * u.value);
          ASSERT_NEAR(out.at(r, c), silu * u.value, tolerance) << r << ", " << c;
        }
      }
    }
  }
}

TEST_P(LinearOps, StackedPartsAreOneMatrix) {
  const std::int64_t in = 70;
  Floats x = Floats::random(9, in, 1);
  TestTensor q(DType::kBF16, 37, in, 2);
  TestTensor k(DType::kBF16, 5, in, 3);
  TestTensor v(DType::kBF16, 60, in, 4);
  const TensorView parts[] = {q.matrix(), k.matrix(), v.matrix()};
  const auto stacked = device().load_linear(parts).value();
  ASSERT_EQ(stacked->out_features(), 102);
  Floats out(9, 102, NAN);
  ops().norm_linear(stream(), x.view(), Norm{}, *stacked, out.view());
  synchronize();
  std::int64_t first = 0;
  for (TestTensor* part : {&q, &k, &v}) {
    Floats alone(9, part->rows());
    const auto linear = load(*part);
    ops().norm_linear(stream(), x.view(), Norm{}, *linear, alone.view());
    synchronize();
    for (std::int64_t r = 0; r < 9; ++r) {
      EXPECT_TRUE(same_bits(out.row(r) + first, alone.row(r), part->rows()));
    }
    first += part->rows();
  }
}

// The promise of ops.h: neither the other rows, nor their number, nor the threads matter.
TEST_P(LinearOps, ARowsBitsDependOnThatRowAlone) {
  const std::int64_t in = 1100;
  const std::int64_t features = 41;
  const Floats rows = Floats::random(300, in, 11);
  TestTensor scale(DType::kF32, 1, in, 12);
  for (const DType dtype : kWeightTypes) {
    TestTensor gate_up(dtype, 2 * features, in, 13, 0.1);
    Floats alone(300, features);
    for (const int num_threads : {1, 2, 3}) {
      const auto other = GetParam().device(num_threads);
      const auto other_stream = other->create_stream().value();
      const TensorView part = gate_up.matrix();
      const auto linear = other->load_linear({&part, 1}).value();
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
      for (const std::int64_t count : {1, 2, 3, 4, 5, 6, 17, 64, 300}) {
        const std::int64_t first = 300 - count;
        ASSERT_TRUE(same_bits(run(first, count).values.data(), alone.row(first), count * features))
            << count << " rows, " << num_threads << " threads, " << dtype_name(dtype);
      }
    }
  }
}

TEST_P(LinearOps, InfinityAndNanStayInTheirRow) {
  Floats x(3, 40, 1.0F);
  x.row(0)[39] = INFINITY;
  x.row(1)[39] = NAN;
  TestTensor weight(DType::kF32, 7, 40, 1);
  Floats out(3, 7);
  const auto linear = load(weight);
  ops().norm_linear(stream(), x.view(), Norm{}, *linear, out.view());
  synchronize();
  for (std::int64_t c = 0; c < 7; ++c) {
    EXPECT_TRUE(std::isinf(out.at(0, c)));
    EXPECT_TRUE(std::isnan(out.at(1, c)));
    EXPECT_TRUE(std::isfinite(out.at(2, c)));
  }
}

TEST_P(LinearOps, LoadRefusesPartsThatDoNotStack) {
  TestTensor a(DType::kBF16, 4, 8, 1);
  TestTensor narrow(DType::kBF16, 4, 7, 1);
  TestTensor other_type(DType::kF32, 4, 8, 1);
  for (TestTensor* b : {&narrow, &other_type}) {
    const TensorView parts[] = {a.matrix(), b->matrix()};
    EXPECT_EQ(device().load_linear(parts).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(device().load_linear({}).error().code, ErrorCode::kInvalidArgument);
  const TensorView vector = a.vector();
  EXPECT_EQ(device().load_linear({&vector, 1}).error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearOps, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
