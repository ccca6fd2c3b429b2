#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

using Tokens = std::vector<TokenId>;

TEST(BlockPoolTest, GivesEachBlockOnceAndNoMore) {
  BlockPool pool(3);
  std::set<std::int32_t> given;
  for (int i = 0; i < 3; ++i) given.insert(pool.allocate().value());
  EXPECT_EQ(given, (std::set<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(pool.num_free(), 0);
  EXPECT_FALSE(pool.allocate());
}

TEST(BlockPoolTest, IsFreeWhenTheLastUserHasGone) {
  BlockPool pool(1);
  const std::int32_t block = pool.allocate().value();
  pool.retain(block);
  EXPECT_EQ(pool.num_users(block), 2);
  pool.release(block);
  EXPECT_EQ(pool.num_free(), 0);
  pool.release(block);
  EXPECT_EQ(pool.num_free(), 1);
  EXPECT_NO_THROW(pool.check_integrity());
}

TEST(BlockPoolTest, RefusesWhatIsNotHeld) {
  BlockPool pool(2);
  const std::int32_t block = pool.allocate().value();
  EXPECT_THROW(pool.publish(block, {.tokens = {}}), InternalError);
  pool.release(block);
  EXPECT_THROW(pool.release(block), InternalError);
  EXPECT_THROW(pool.publish(block, {.tokens = {1}}), InternalError);
  for (const std::int32_t unknown : {-1, 2}) {
    EXPECT_THROW(pool.retain(unknown), InternalError);
    EXPECT_THROW(pool.release(unknown), InternalError);
  }
  EXPECT_NO_THROW(pool.check_integrity());
}

TEST(BlockPoolTest, HandsOutTheUnpublishedFirstThenTheLongestUnused) {
  BlockPool pool(4);
  for (std::int32_t block = 0; block < 4; ++block) ASSERT_EQ(pool.allocate(), block);
  for (const std::int32_t block : {0, 1, 2}) pool.publish(block, {.tokens = {block}});
  for (const std::int32_t block : {2, 0, 1, 3}) pool.release(block);
  pool.retain(2);  // used again: now the latest
  pool.release(2);
  for (const std::int32_t block : {3, 0, 1, 2}) EXPECT_EQ(pool.allocate(), block);
}

TEST(BlockPoolTest, FindsWhatAgreesTheLongest) {
  BlockPool pool(4);
  for (std::int32_t block = 0; block < 4; ++block) ASSERT_EQ(pool.allocate(), block);
  const BlockPool::Match published = pool.publish(0, {.tokens = {1, 2, 3, 4}});
  EXPECT_EQ(published.block, 0);
  EXPECT_EQ(published.num_tokens, 4);
  pool.publish(1, {.tokens = {1, 2, 9, 9}});
  pool.publish(2, {.tokens = {7}});

  const auto expect = [&](const Tokens& tokens, std::int32_t block, std::int64_t num_tokens) {
    const BlockPool::Match match = pool.find(kNoPrefix, "", tokens);
    EXPECT_EQ(match.block, block);
    EXPECT_EQ(match.num_tokens, num_tokens);
  };
  expect({1, 2, 3, 4}, 0, 4);
  EXPECT_EQ(pool.find(kNoPrefix, "", Tokens{1, 2, 3, 4}).prefix, published.prefix);
  expect({1, 2, 3, 5}, 0, 3);
  expect({1, 2, 3}, 0, 3);
  expect({1, 2, 9, 1}, 1, 3);
  expect({1, 2, 9, 9, 5}, 1, 4);
  expect({7, 8, 9}, 2, 1);
  expect({2, 2}, -1, 0);
  expect({}, -1, 0);
}

TEST(BlockPoolTest, ParentsAndSaltsTellContentsApart) {
  BlockPool pool(4);
  for (std::int32_t block = 0; block < 4; ++block) ASSERT_EQ(pool.allocate(), block);
  const Tokens tokens = {5, 6};
  const PrefixId plain = pool.publish(0, {.tokens = tokens}).prefix;
  const PrefixId salted = pool.publish(1, {.salt = "s", .tokens = tokens}).prefix;
  const PrefixId later = pool.publish(2, {.parent = plain, .tokens = tokens}).prefix;
  EXPECT_EQ(std::set({kNoPrefix, plain, salted, later}).size(), 4U);
  EXPECT_EQ(pool.find(kNoPrefix, "", tokens).block, 0);
  EXPECT_EQ(pool.find(kNoPrefix, "s", tokens).block, 1);
  EXPECT_EQ(pool.find(plain, "", tokens).block, 2);
  EXPECT_EQ(pool.find(plain, "s", tokens).block, -1);
  EXPECT_EQ(pool.find(salted, "", tokens).block, -1);
  EXPECT_EQ(pool.find(kNoPrefix, "t", tokens).block, -1);
}

TEST(BlockPoolTest, OneBlockStandsForEqualContents) {
  BlockPool pool(2);
  const std::int32_t first = pool.allocate().value();
  const std::int32_t second = pool.allocate().value();
  const BlockPool::Match published = pool.publish(first, {.tokens = {1, 2}});
  const BlockPool::Match again = pool.publish(second, {.tokens = {1, 2}});
  EXPECT_EQ(again.block, first);
  EXPECT_EQ(again.prefix, published.prefix);
  EXPECT_EQ(pool.num_cached(), 1);
  EXPECT_EQ(pool.publish(first, {.tokens = {1, 2}}).prefix, published.prefix);
}

TEST(BlockPoolTest, ABlockThatIsFilledFurtherIsFoundByAllOfIt) {
  BlockPool pool(1);
  const std::int32_t block = pool.allocate().value();
  const PrefixId part = pool.publish(block, {.tokens = {1, 2}}).prefix;
  const PrefixId whole = pool.publish(block, {.tokens = {1, 2, 3}}).prefix;
  EXPECT_NE(part, whole);
  EXPECT_EQ(pool.num_cached(), 1);
  EXPECT_EQ(pool.find(kNoPrefix, "", Tokens{1, 2, 3}).num_tokens, 3);
}

TEST(BlockPoolTest, ContentLivesUntilItsBlockIsHandedOutAgain) {
  BlockPool pool(1);
  const Tokens tokens = {1, 2};
  const std::int32_t block = pool.allocate().value();
  const PrefixId before = pool.publish(block, {.tokens = tokens}).prefix;
  pool.release(block);
  EXPECT_EQ(pool.find(kNoPrefix, "", tokens).prefix, before);
  ASSERT_EQ(pool.allocate(), block);
  EXPECT_EQ(pool.find(kNoPrefix, "", tokens).block, -1);
  EXPECT_EQ(pool.num_cached(), 0);
  EXPECT_GT(pool.publish(block, {.tokens = tokens}).prefix, before);  // no name is given twice
}

TEST(BlockPoolTest, ForgetsAll) {
  BlockPool pool(2);
  const std::int32_t used = pool.allocate().value();
  const std::int32_t unused = pool.allocate().value();
  pool.publish(used, {.tokens = {1}});
  pool.publish(unused, {.tokens = {2}});
  pool.release(unused);
  pool.forget_all();
  EXPECT_EQ(pool.num_cached(), 0);
  EXPECT_EQ(pool.num_users(used), 1);
  EXPECT_EQ(pool.find(kNoPrefix, "", Tokens{1}).block, -1);
  EXPECT_NO_THROW(pool.check_integrity());
}

// The same in a few obvious lines: every search goes through everything.
class NaivePool {
 public:
  explicit NaivePool(std::int32_t num_blocks) : users_(static_cast<std::size_t>(num_blocks)) {
    for (std::int32_t block = 0; block < num_blocks; ++block) free_.push_back(block);
  }

  std::optional<std::int32_t> allocate() {
    if (free_.empty()) return std::nullopt;
    const std::int32_t block = free_.front();
    free_.pop_front();
    forget(block);
    users(block) = 1;
    return block;
  }
  void retain(std::int32_t block) {
    if (users(block)++ == 0) free_.remove(block);
  }
  void release(std::int32_t block) {
    if (--users(block) > 0) return;
    free_.insert(is_published(block) ? free_.end() : free_.begin(), block);
  }
  // The block that the content is found in.
  std::int32_t publish(std::int32_t block, PrefixId parent, const std::string& salt,
                       const Tokens& tokens) {
    const auto there = contents_.find({parent, salt, tokens});
    if (there != contents_.end()) return there->second;
    forget(block);
    contents_[{parent, salt, tokens}] = block;
    return block;
  }
  std::int64_t longest(PrefixId parent, const std::string& salt, const Tokens& tokens) const {
    std::int64_t best = 0;
    for (const auto& [content, block] : contents_) {
      if (std::get<0>(content) == parent && std::get<1>(content) == salt) {
        best = std::max(best, common(std::get<2>(content), tokens));
      }
    }
    return best;
  }
  const Tokens& tokens_of(std::int32_t block) const {
    return std::get<2>(
        std::ranges::find(contents_, block, [](const auto& each) { return each.second; })->first);
  }

  static std::int64_t common(const Tokens& a, const Tokens& b) {
    return std::ranges::mismatch(a, b).in1 - a.begin();
  }
  std::int32_t& users(std::int32_t block) { return users_[static_cast<std::size_t>(block)]; }
  std::int64_t num_free() const { return std::ssize(free_); }
  std::int64_t num_cached() const { return std::ssize(contents_); }
  void forget_all() { contents_.clear(); }

 private:
  bool is_published(std::int32_t block) const {
    return std::ranges::any_of(contents_, [&](const auto& each) { return each.second == block; });
  }
  void forget(std::int32_t block) {
    std::erase_if(contents_, [&](const auto& each) { return each.second == block; });
  }

  std::vector<std::int32_t> users_;
  std::list<std::int32_t> free_;
  std::map<std::tuple<PrefixId, std::string, Tokens>, std::int32_t> contents_;
};

class RandomUse {
 public:
  static constexpr std::int32_t kBlocks = 23;

  void step() {
    const auto block = static_cast<std::int32_t>(below(kBlocks));
    switch (below(6)) {
      case 0:
      case 1: ASSERT_EQ(pool_.allocate(), naive_.allocate()); break;
      case 2:
        pool_.retain(block);
        naive_.retain(block);
        break;
      case 3:
      case 4:
        if (naive_.users(block) == 0) break;
        pool_.release(block);
        naive_.release(block);
        break;
      default: publish(block);
    }
    if (below(2000) == 0) {
      pool_.forget_all();
      naive_.forget_all();
    }
    compare(block);
    find();
  }

 private:
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  Tokens draw_tokens() {
    Tokens tokens(static_cast<std::size_t>(1 + below(4)));
    for (TokenId& token : tokens) token = static_cast<TokenId>(below(3));
    return tokens;
  }
  PrefixId draw_parent() { return parents_[static_cast<std::size_t>(below(std::ssize(parents_)))]; }
  std::string draw_salt() { return below(3) == 0 ? "salt" : ""; }

  void publish(std::int32_t block) {
    if (naive_.users(block) == 0) return;
    const PrefixId parent = draw_parent();
    const std::string salt = draw_salt();
    const Tokens tokens = draw_tokens();
    const BlockPool::Match match = pool_.publish(block, {parent, salt, tokens});
    ASSERT_EQ(match.block, naive_.publish(block, parent, salt, tokens));
    ASSERT_EQ(match.num_tokens, std::ssize(tokens));
    ASSERT_EQ(pool_.find(parent, salt, tokens).prefix, match.prefix);
    if (below(10) == 0) parents_[static_cast<std::size_t>(1 + below(3))] = match.prefix;
  }

  void find() {
    const PrefixId parent = draw_parent();
    const std::string salt = draw_salt();
    const Tokens tokens = draw_tokens();
    const BlockPool::Match match = pool_.find(parent, salt, tokens);
    ASSERT_EQ(match.num_tokens, naive_.longest(parent, salt, tokens));
    if (match.num_tokens > 0) {
      ASSERT_EQ(NaivePool::common(naive_.tokens_of(match.block), tokens), match.num_tokens);
    } else {
      ASSERT_EQ(match.block, -1);
    }
  }

  void compare(std::int32_t block) {
    ASSERT_EQ(pool_.num_users(block), naive_.users(block));
    ASSERT_EQ(pool_.num_free(), naive_.num_free());
    ASSERT_EQ(pool_.num_cached(), naive_.num_cached());
    ASSERT_NO_THROW(pool_.check_integrity());
  }

  std::mt19937_64 random_{1};
  BlockPool pool_{kBlocks};
  NaivePool naive_{kBlocks};
  std::vector<PrefixId> parents_ = std::vector<PrefixId>(4, kNoPrefix);
};

TEST(BlockPoolTest, AgreesWithANaivePool) {
  RandomUse use;
  for (int i = 0; i < 20'000 && !testing::Test::HasFailure(); ++i) use.step();
}

}  // namespace
}  // namespace parapet
