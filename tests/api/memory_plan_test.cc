#include "api/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "checkpoint/shapes.h"
#include "model/qwen3.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

ModelConfig config_of_4b() {
  auto config = config_of_shape("4b");
  if (!config) throw std::runtime_error(config.error().message);
  return std::move(*config);
}

class MemoryPlan : public ::testing::Test {
 protected:
  Result<std::int64_t> plan(std::uint64_t available) const {
    return plan_kv_cache_bytes(options_, config_, weight_bytes_, available);
  }
  Error refusal(std::uint64_t available) const {
    const auto planned = plan(available);
    if (planned) throw std::runtime_error("was not refused");
    return planned.error();
  }
  // What a plan of everything leaves over.
  std::int64_t activations(std::uint64_t available) const {
    ModelOptions all = options_;
    all.memory_utilization = 1;
    const auto planned = plan_kv_cache_bytes(all, config_, weight_bytes_, available);
    if (!planned) throw std::runtime_error(planned.error().message);
    return static_cast<std::int64_t>(available) - weight_bytes_ - *planned;
  }

  const ModelConfig config_ = config_of_4b();
  ModelOptions options_;
  std::int64_t weight_bytes_ = 8 * kGiB;
};

// 36 layers of keys and values, 8 heads of 128, 2 bytes each.
TEST_F(MemoryPlan, ATokenOfThe4BModelTakesAsMuchAsPublished) {
  EXPECT_EQ(config_.kv_bytes_per_token(DType::kBF16), 147'456);
  const double gib = 297'000.0 * 147'456.0 / static_cast<double>(kGiB);
  EXPECT_NEAR(gib, 40.8, 0.05);
  EXPECT_EQ(config_.kv_bytes_per_token(DType::kF32), 2 * 147'456);
  // Eight bits a number, and what scales them.
  EXPECT_GT(config_.kv_bytes_per_token(DType::kI8), 147'456 / 2);
  EXPECT_LT(config_.kv_bytes_per_token(DType::kI8), 147'456 * 5 / 8);
}

TEST_F(MemoryPlan, BytesAreTakenAtTheirWord) {
  options_.kv_cache_memory = 123'456'789;
  EXPECT_EQ(*plan(64 * kGiB), 123'456'789);
  EXPECT_EQ(*plan(0), 123'456'789);
  options_.memory_utilization = 0.5;  // the more exact of the two
  EXPECT_EQ(*plan(64 * kGiB), 123'456'789);
}

TEST_F(MemoryPlan, UtilizationIsAShareForEverythingTogether) {
  options_.memory_utilization = 0.5;
  const std::int64_t others = weight_bytes_ + activations(64 * kGiB);
  EXPECT_EQ(*plan(64 * kGiB), 32 * kGiB - others);
  options_.memory_utilization = 0.25;
  EXPECT_EQ(*plan(64 * kGiB), 16 * kGiB - others);
}

TEST_F(MemoryPlan, ActivationsGrowWithTheLargestStep) {
  options_.max_num_batched_tokens = 128;
  const std::int64_t small = activations(64 * kGiB);
  options_.max_num_batched_tokens = 8192;
  EXPECT_GT(small, 0);
  EXPECT_GT(activations(64 * kGiB), 8 * small);
}

TEST_F(MemoryPlan, AShareThatLeavesNothingIsRefusedWithBothNumbers) {
  options_.memory_utilization = 0.5;
  const Error error = refusal(16 * kGiB);
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(error.message, HasSubstr("memory_utilization 0.5"));
  EXPECT_THAT(error.message, HasSubstr(std::to_string(16 * kGiB)));
  EXPECT_THAT(error.message, HasSubstr(std::to_string(8 * kGiB)));
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
}

TEST_F(MemoryPlan, LeftOpenItIsFourGigabytesOrHalfOfWhatIsFree) {
  EXPECT_EQ(*plan(64 * kGiB), 4 * kGiB);
  EXPECT_EQ(*plan(std::numeric_limits<std::uint64_t>::max()), 4 * kGiB);
  const std::int64_t others = weight_bytes_ + activations(64 * kGiB);
  EXPECT_EQ(*plan(static_cast<std::uint64_t>(others + 2 * kGiB)), kGiB);
  EXPECT_EQ(*plan(0), 1);  // too little for a block: for the engine to refuse
}

TEST_F(MemoryPlan, NonsenseIsRefusedByName) {
  options_.kv_cache_memory = -1;
  EXPECT_EQ(refusal(kGiB).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refusal(kGiB).message, HasSubstr("kv_cache_memory is -1"));
  options_.kv_cache_memory = 0;
  for (const double share : {-0.1, 1.1, std::nan("")}) {
    options_.memory_utilization = share;
    EXPECT_EQ(refusal(kGiB).code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refusal(kGiB).message, HasSubstr("memory_utilization"));
  }
}

}  // namespace
}  // namespace parapet
