#include "engine/block_pool.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

std::int64_t common_length(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

}  // namespace

BlockPool::Key BlockPool::ByContent::key(std::int32_t block) const {
  const BlockContent& content = (*blocks)[static_cast<std::size_t>(block)].content;
  return {content.parent, content.salt, content.tokens};
}

bool BlockPool::ByContent::less(const Key& a, const Key& b) {
  if (a.parent != b.parent) return a.parent < b.parent;
  if (a.salt != b.salt) return a.salt < b.salt;
  return std::lexicographical_compare(a.tokens.begin(), a.tokens.end(), b.tokens.begin(),
                                      b.tokens.end());
}

BlockPool::BlockPool(std::int64_t num_blocks)
    : blocks_(static_cast<std::size_t>(num_blocks)), by_content_(ByContent{&blocks_}) {
  for (std::int32_t block = 0; block < num_blocks; ++block) link_last(block);
}

BlockPool::Block& BlockPool::at(std::int32_t block) {
  PARAPET_CHECK(block >= 0 && block < num_blocks());
  return blocks_[static_cast<std::size_t>(block)];
}

const BlockPool::Block& BlockPool::at(std::int32_t block) const {
  PARAPET_CHECK(block >= 0 && block < num_blocks());
  return blocks_[static_cast<std::size_t>(block)];
}

std::optional<std::int32_t> BlockPool::allocate() {
  if (first_free_ == kNone) return std::nullopt;
  const std::int32_t block = first_free_;
  unlink(block);
  forget(block);
  at(block).users = 1;
  return block;
}

void BlockPool::retain(std::int32_t block) {
  if (at(block).users++ == 0) unlink(block);
}

void BlockPool::release(std::int32_t block) {
  Block& released = at(block);
  PARAPET_CHECK(released.users > 0);
  if (--released.users > 0) return;
  // A block that cannot be found again is the best one to hand out.
  if (released.prefix == kNoPrefix) {
    link_first(block);
  } else {
    link_last(block);
  }
}

BlockPool::Match BlockPool::publish(std::int32_t block, BlockContent content) {
  Block& published = at(block);
  PARAPET_CHECK(published.users > 0 && !content.tokens.empty());
  const auto there = by_content_.find(Key{content.parent, content.salt, content.tokens});
  if (there != by_content_.end()) {
    return {*there, at(*there).prefix, std::ssize(content.tokens)};
  }
  forget(block);  // a partly filled block has been filled further
  published.content = std::move(content);
  published.prefix = ++last_prefix_;
  by_content_.insert(block);
  return {block, published.prefix, std::ssize(published.content.tokens)};
}

BlockPool::Match BlockPool::find(PrefixId parent, const std::string& salt,
                                 std::span<const TokenId> tokens) const {
  Match best;
  const auto consider = [&](std::int32_t block) {
    const BlockContent& content = at(block).content;
    if (content.parent != parent || content.salt != salt) return;
    const std::int64_t common = common_length(content.tokens, tokens);
    if (common > best.num_tokens) best = {block, at(block).prefix, common};
  };
  const auto after = by_content_.lower_bound(Key{parent, salt, tokens});
  if (after != by_content_.end()) consider(*after);
  if (after != by_content_.begin()) consider(*std::prev(after));
  return best;
}

void BlockPool::forget(std::int32_t block) {
  Block& forgotten = at(block);
  if (forgotten.prefix == kNoPrefix) return;
  by_content_.erase(block);
  forgotten.prefix = kNoPrefix;
  forgotten.content = {};
}

void BlockPool::forget_all() {
  while (!by_content_.empty()) forget(*by_content_.begin());
}

void BlockPool::unlink(std::int32_t block) {
  const Block& unlinked = at(block);
  (unlinked.previous == kNone ? first_free_ : at(unlinked.previous).next) = unlinked.next;
  (unlinked.next == kNone ? last_free_ : at(unlinked.next).previous) = unlinked.previous;
  --num_free_;
}

void BlockPool::link_last(std::int32_t block) {
  at(block).previous = last_free_;
  at(block).next = kNone;
  (last_free_ == kNone ? first_free_ : at(last_free_).next) = block;
  last_free_ = block;
  ++num_free_;
}

void BlockPool::link_first(std::int32_t block) {
  at(block).previous = kNone;
  at(block).next = first_free_;
  (first_free_ == kNone ? last_free_ : at(first_free_).previous) = block;
  first_free_ = block;
  ++num_free_;
}

void BlockPool::check_integrity() const {
  std::int64_t num_listed = 0;
  std::int32_t previous = kNone;
  for (std::int32_t block = first_free_; block != kNone; block = at(block).next) {
    PARAPET_CHECK(at(block).users == 0 && at(block).previous == previous);
    PARAPET_CHECK(++num_listed <= num_blocks());
    previous = block;
  }
  PARAPET_CHECK(previous == last_free_ && num_listed == num_free_);
  std::int64_t num_unused = 0;
  std::int64_t num_published = 0;
  for (std::int32_t block = 0; block < num_blocks(); ++block) {
    if (at(block).users == 0) ++num_unused;
    PARAPET_CHECK(at(block).users >= 0);
    if (at(block).prefix == kNoPrefix) continue;
    ++num_published;
    const auto found = by_content_.find(block);
    PARAPET_CHECK(found != by_content_.end() && *found == block);
  }
  PARAPET_CHECK(num_unused == num_free_ && num_published == num_cached());
}

}  // namespace parapet
