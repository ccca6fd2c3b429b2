#include "device/cpu/cache_sizes.h"

#include <gtest/gtest.h>

namespace parapet::cpu {
namespace {

constexpr std::int64_t kKiB = 1024;

TEST(CacheSizes, WhatTheSystemTellsWithinWhatIsPlausible) {
  const CacheSizes told = plausible_cache_sizes(48 * kKiB, 2048 * kKiB);
  EXPECT_EQ(told.first_level, 48 * kKiB);
  EXPECT_EQ(told.second_level, 2048 * kKiB);

  for (const std::int64_t nothing : {std::int64_t{0}, std::int64_t{-1}}) {
    const CacheSizes assumed = plausible_cache_sizes(nothing, nothing);
    EXPECT_EQ(assumed.first_level, 32 * kKiB);
    EXPECT_EQ(assumed.second_level, 512 * kKiB);
  }

  // As a hypervisor may tell that takes no care.
  const CacheSizes wild = plausible_cache_sizes(std::int64_t{1} << 40, std::int64_t{1} << 40);
  EXPECT_EQ(wild.first_level, 128 * kKiB);
  EXPECT_EQ(wild.second_level, 4096 * kKiB);
}

TEST(CacheSizes, OfThisMachine) {
  EXPECT_GE(cache_sizes().first_level, 32 * kKiB);
  EXPECT_GE(cache_sizes().second_level, 512 * kKiB);
}

}  // namespace
}  // namespace parapet::cpu
