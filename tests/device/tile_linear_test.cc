// Matrix tiles of the processor against their emulation, bit by bit: what tests on machines without
// tiles prove, they prove of machines with them.
#include <algorithm>

#include "device/cpu/cpu_device.h"
#include "device/ops.h"
#include "device/packed_tensor.h"
#include "device/test_tensor.h"
#include "device/tested_kernels.h"

namespace parapet::test {
namespace {

std::unique_ptr<Device> device_of(std::string_view isa) {
  const auto tables = tested_kernels();
  const auto found = std::ranges::find(tables, isa, &cpu::KernelTable::isa);
  return found == tables.end() ? nullptr : make_cpu_device(**found, 2);
}

Floats product(Device& device, const LinearWeight& weight, Floats& x) {
  const auto stream = device.create_stream().value();
  Floats out(x.rows, weight.out_features(), NAN);
  device.ops().norm_linear(*stream, x.view(), Norm{}, weight, out.view());
  EXPECT_TRUE(stream->synchronize().ok());
  return out;
}

TEST(TileLinear, TheProcessorsTilesAreTheEmulatedOnes) {
  const auto real = device_of("amx");
  const auto emulated = device_of("amx_emulated");
  if (!real || !emulated)
    GTEST_SKIP() << "no matrix tiles here, or this build does not emulate them";
  const std::int64_t in = 1100;
  const std::int64_t out = 50;
  TestTensor dense(DType::kBF16, out, in, 1);
  const TensorView dense_part = dense.matrix();
  for (const std::int64_t rows : {1, 2, 3, 16, 37, 70}) {
    // From the largest to subnormal numbers, whose sums cancel.
    Floats x = Floats::random(rows, in, 2);
    for (std::int64_t i = 0; i < rows * in; ++i) {
      float& value = x.values[static_cast<std::size_t>(i)];
      value = std::ldexp(value, static_cast<int>(i % 7 == 0 ? -130 : i % 23 - 11));
    }
    const Floats a = product(*real, *real->load_linear({&dense_part, 1}).value(), x);
    const Floats b = product(*emulated, *emulated->load_linear({&dense_part, 1}).value(), x);
    EXPECT_TRUE(same_bits(a.values.data(), b.values.data(), rows * out)) << rows << " rows";
    for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
      const PackedTensor packed(format, 32, out, in, 3);
      const PackedMatrix part = packed.matrix();
      const Floats c = product(*real, *real->load_packed_linear({&part, 1}).value(), x);
      const Floats d = product(*emulated, *emulated->load_packed_linear({&part, 1}).value(), x);
      EXPECT_TRUE(same_bits(c.values.data(), d.values.data(), rows * out))
          << rows << " rows, " << weight_format_name(format);
    }
  }
}

}  // namespace
}  // namespace parapet::test
