#include "engine/block_allocator.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/check.h"

namespace parapet {
namespace {

TEST(BlockAllocatorTest, GivesAllBlocksOnceAndNoMore) {
  BlockAllocator allocator(5);
  const auto first = allocator.allocate(2);
  const auto rest = allocator.allocate(3);
  ASSERT_TRUE(first && rest);
  std::set<std::int32_t> all(first->begin(), first->end());
  all.insert(rest->begin(), rest->end());
  EXPECT_EQ(all, (std::set<std::int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(allocator.num_free(), 0);
  EXPECT_FALSE(allocator.allocate(1));
  EXPECT_TRUE(allocator.allocate(0));
}

TEST(BlockAllocatorTest, TooLargeARequestTakesNothing) {
  BlockAllocator allocator(4);
  EXPECT_FALSE(allocator.allocate(5));
  EXPECT_EQ(allocator.num_free(), 4);
}

TEST(BlockAllocatorTest, RefusesBlocksThatAreNotTaken) {
  BlockAllocator allocator(4);
  const auto blocks = allocator.allocate(1);
  ASSERT_TRUE(blocks);
  allocator.release(*blocks);
  EXPECT_THROW(allocator.release(*blocks), InternalError);
  const std::int32_t foreign[] = {4};
  EXPECT_THROW(allocator.release(foreign), InternalError);
  const std::int32_t negative[] = {-1};
  EXPECT_THROW(allocator.release(negative), InternalError);
}

// Random owners come and go; at every moment each block has one owner or is free.
TEST(BlockAllocatorTest, KeepsItsBooksUnderRandomUse) {
  constexpr std::int64_t kBlocks = 97;
  std::mt19937 random(1);
  BlockAllocator allocator(kBlocks);
  std::vector<std::vector<std::int32_t>> owners;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const auto count = static_cast<std::int64_t>(random() % 20);
      const std::int64_t free_before = allocator.num_free();
      auto blocks = allocator.allocate(count);
      ASSERT_EQ(blocks.has_value(), count <= free_before);
      if (blocks) owners.push_back(std::move(*blocks));
    } else if (!owners.empty()) {
      const std::size_t leaving = random() % owners.size();
      allocator.release(owners[leaving]);
      owners.erase(owners.begin() + static_cast<std::ptrdiff_t>(leaving));
    }
    std::set<std::int32_t> owned;
    std::size_t total = 0;
    for (const auto& blocks : owners) {
      owned.insert(blocks.begin(), blocks.end());
      total += blocks.size();
    }
    ASSERT_EQ(owned.size(), total) << "a block has two owners";
    ASSERT_EQ(std::ssize(owned) + allocator.num_free(), kBlocks);
    ASSERT_NO_THROW(allocator.check_integrity());
  }
}

}  // namespace
}  // namespace parapet
