// Attention on matrix tiles: against its emulation, bit by bit, and against that without tiles.
#include <algorithm>

#include "device/attention_harness.h"
#include "device/cpu/cpu_device.h"
#include "device/tested_kernels.h"

namespace parapet::test {
namespace {

const std::vector<HeadShape> kShapes = {{3, 1, 32}, {14, 2, 64}, {4, 4, 96}, {16, 2, 128}};
const std::vector<int> kLengths = {1, 33, 64, 150};

const cpu::KernelTable* table_of(std::string_view isa) {
  const auto tables = tested_kernels();
  const auto found = std::ranges::find(tables, isa, &cpu::KernelTable::isa);
  return found == tables.end() ? nullptr : *found;
}

// What all tokens of a cache of bfloat16 see, in one step and with single tokens after it.
std::vector<Floats> outputs(const cpu::KernelTable& kernels, const HeadShape& shape) {
  const auto device = make_cpu_device(kernels, 2);
  AttentionHarness harness(*device,
                           {.shape = shape, .kv_dtype = DType::kBF16, .lengths = kLengths});
  harness.step({{0, 1}, {1, 32}, {2, 64}, {3, 140}});
  harness.step({{1, 1}, {3, 10}});
  std::vector<Floats> outputs;
  for (int seq = 0; seq < std::ssize(kLengths); ++seq) outputs.push_back(harness.outputs(seq));
  return outputs;
}

TEST(TileAttention, TheProcessorsTilesAreTheEmulatedOnes) {
  const cpu::KernelTable* const real = table_of("amx");
  const cpu::KernelTable* const emulated = table_of("amx_emulated");
  if (real == nullptr || emulated == nullptr)
    GTEST_SKIP() << "no matrix tiles here, or this build does not emulate them";
  for (const HeadShape& shape : kShapes) {
    const std::vector<Floats> a = outputs(*real, shape);
    const std::vector<Floats> b = outputs(*emulated, shape);
    for (std::size_t seq = 0; seq < a.size(); ++seq) {
      EXPECT_TRUE(same_bits(a[seq].values.data(), b[seq].values.data(),
                            static_cast<std::int64_t>(a[seq].values.size())))
          << "heads of " << shape.head_dim << ", sequence " << seq;
    }
  }
}

// Keys, values and queries are the same bits, so only sums are rounded differently: of 128 products
// below 8 in a score, and of weights that sum to 1.
TEST(TileAttention, IsAsExactAsFloats) {
  constexpr double kTolerance = 1e-5;
  for (const cpu::KernelTable* const kernels : tested_kernels()) {
    if (kernels->tile_attention == nullptr) continue;
    cpu::KernelTable untiled = *kernels;
    untiled.tile_attention = nullptr;
    for (const HeadShape& shape : kShapes) {
      const std::vector<Floats> a = outputs(*kernels, shape);
      const std::vector<Floats> b = outputs(untiled, shape);
      for (std::size_t seq = 0; seq < a.size(); ++seq) {
        for (std::size_t i = 0; i < a[seq].values.size(); ++i) {
          ASSERT_NEAR(a[seq].values[i], b[seq].values[i], kTolerance)
              << kernels->isa << ", heads of " << shape.head_dim << ", sequence " << seq;
        }
      }
    }
  }
}

}  // namespace
}  // namespace parapet::test
