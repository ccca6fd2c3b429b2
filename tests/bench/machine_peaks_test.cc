#include "bench/machine_peaks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "api/backends.h"
#include "bench/peak_loops.h"

namespace parapet {
namespace {

// Times are for benchmarks; here each loop must run to its end on this processor.
TEST(MachinePeaks, EveryLoopOfTheDevicesInstructionSetRuns) {
  const auto device = create_device("cpu", 1);
  ASSERT_TRUE(device);
  const std::vector<std::uint64_t> memory(4096, 1);
  for (const std::string& isa : {(*device)->info().isa, std::string("portable")}) {
    const PeakLoops loops = peak_loops(isa);
    for (const auto& some : {loops.fp32, loops.bf16, loops.int8, loops.int4}) {
      ASSERT_FALSE(some.empty());
      for (const ComputeLoop& loop : some) {
        EXPECT_GT(loop.ops_per_step, 0);
        loop.run(1000);
      }
    }
    ASSERT_FALSE(loops.read.empty());
    for (const ReadLoop& loop : loops.read) {
      loop.run(reinterpret_cast<const std::byte*>(memory.data()), 8 * memory.size());
    }
  }
}

TEST(MachinePeaks, AreNumbers) {
  const auto device = create_device("cpu", 1);
  ASSERT_TRUE(device);
  const auto meter = PeakMeter::create((*device)->info().isa, 1);
  ASSERT_TRUE(meter);
  const MachinePeaks peaks = meter->measure_each(1);
  for (const Peak peak : {Peak::kRead, Peak::kFp32, Peak::kBf16, Peak::kInt8, Peak::kInt4}) {
    EXPECT_TRUE(std::isfinite(peaks.of(peak))) << peak_name(peak);
    EXPECT_GT(peaks.of(peak), 0) << peak_name(peak);
  }
  EXPECT_FALSE(meter->instructions().int8.empty());
}

TEST(MachinePeaks, MediansAndMeansGoPeakByPeak) {
  const MachinePeaks low{
      .num_threads = 1, .read_gb_s = 1, .fp32_gflops = 30, .int8_gops = 5, .int4_gops = 8};
  const MachinePeaks middle{
      .num_threads = 1, .read_gb_s = 2, .fp32_gflops = 10, .int8_gops = 6, .int4_gops = 8};
  const MachinePeaks high{
      .num_threads = 1, .read_gb_s = 9, .fp32_gflops = 20, .int8_gops = 4, .int4_gops = 8};
  const MachinePeaks all[] = {low, middle, high};
  const MachinePeaks peaks = median_peaks(all);
  EXPECT_EQ(peaks.read_gb_s, 2);
  EXPECT_EQ(peaks.fp32_gflops, 20);
  EXPECT_EQ(peaks.int8_gops, 5);
  EXPECT_EQ(peaks.int4_gops, 8);
  EXPECT_EQ(mean_peaks(low, high).read_gb_s, 5);
}

}  // namespace
}  // namespace parapet
