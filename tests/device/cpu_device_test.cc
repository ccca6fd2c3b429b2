// How a CPU device is made: threads, instruction sets, and refusals.
#include "device/cpu/cpu_device.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "device/cpu/cpu_count.h"
#include "device/cpu/cpu_features.h"
#include "gtest/gtest.h"

namespace parapet {
namespace {

// Sets PARAPET_FORCE_ISA for one scope.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* isa) {
    if (const char* before = std::getenv(kName)) before_ = before;
    ::setenv(kName, isa, 1);
  }
  ~ForcedIsa() {
    if (before_.empty()) {
      ::unsetenv(kName);
    } else {
      ::setenv(kName, before_.c_str(), 1);
    }
  }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  static constexpr const char* kName = "PARAPET_FORCE_ISA";
  std::string before_;
};

TEST(CpuDevice, ForcedInstructionSetsAreTheOnesThatRun) {
  for (const cpu::KernelTable* kernels : cpu::available_kernels()) {
    const ForcedIsa forced(kernels->isa);
    EXPECT_EQ(create_cpu_device().value()->info().isa, kernels->isa);
    EXPECT_EQ(create_cpu_device({.force_isa = "portable"}).value()->info().isa, "portable");
  }
}

TEST(CpuDevice, BestInstructionSetWithoutForce) {
  const ForcedIsa forced("");
  EXPECT_EQ(create_cpu_device().value()->info().isa, cpu::available_kernels().front()->isa);
}

// Neither has kernels: nothing stands in for them.
TEST(CpuDevice, RefusesAnInstructionSetThatIsNotThere) {
  for (const char* isa : {"avx512bf16", "amxfp16"}) {
    const ForcedIsa forced(isa);
    const auto device = create_cpu_device();
    ASSERT_FALSE(device.ok());
    EXPECT_EQ(device.error().code, ErrorCode::kUnsupported);
    const std::string& message = device.error().message;
    EXPECT_NE(message.find('"' + std::string(isa) + "\" is not available; this build has "),
              std::string::npos);
    for (const cpu::KernelTable* kernels : cpu::built_kernels()) {
      EXPECT_NE(message.find(kernels->isa), std::string::npos) << message;
    }
    EXPECT_NE(message.find("of which this processor runs"), std::string::npos);
  }
}

// The other tests run on every available table. Those that are built but not available here are
// refused, and named in the output, so that a log shows what it does not prove.
TEST(CpuDevice, RefusesTablesThatThisProcessorLacks) {
  const auto available = cpu::available_kernels();
  for (const cpu::KernelTable* kernels : cpu::built_kernels()) {
    const std::string isa = kernels->isa;
    const auto device = create_cpu_device({.force_isa = isa});
    const bool runs = std::ranges::find(available, kernels) != available.end();
    EXPECT_EQ(device.ok(), runs) << isa;
    std::cout << isa << ": " << (runs ? "tested" : "not run: " + device.error().message) << "\n";
  }
}

TEST(CpuDevice, Threads) {
  EXPECT_EQ(create_cpu_device({.num_threads = 3}).value()->info().num_threads, 3);
  EXPECT_EQ(create_cpu_device().value()->info().num_threads, cpu::usable_cpus());
  for (const int bad : {-1, 1025}) {
    const auto device = create_cpu_device({.num_threads = bad});
    ASSERT_FALSE(device.ok());
    EXPECT_EQ(device.error().message,
              "num_threads is " + std::to_string(bad) + ", expected 0 (all) to 1024");
  }
}

}  // namespace
}  // namespace parapet
