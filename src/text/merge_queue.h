// The order in which possible merges of a piece are tried: lowest rank first, then from the left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace parapet {

struct QueuedMerge {
  std::uint32_t rank, position;
  bool operator==(const QueuedMerge&) const = default;
  bool operator<(const QueuedMerge& other) const {
    return rank != other.rank ? rank < other.rank : position < other.position;
  }
};

// A binary heap: O(log n) a merge, nothing to set up.
class HeapQueue {
 public:
  explicit HeapQueue(std::size_t /*num_ranks*/ = 0) {}

  void push(QueuedMerge merge) {
    heap_.push_back(pack(merge));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  std::optional<QueuedMerge> top() const {
    if (heap_.empty()) return std::nullopt;
    return QueuedMerge{static_cast<std::uint32_t>(heap_.front() >> 32),
                       static_cast<std::uint32_t>(heap_.front())};
  }

  std::optional<QueuedMerge> pop() {
    const auto first = top();
    if (!first) return first;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    return first;
  }

 private:
  static std::uint64_t pack(QueuedMerge merge) {
    return static_cast<std::uint64_t>(merge.rank) << 32 | merge.position;
  }

  std::vector<std::uint64_t> heap_;
};

// One list of positions for each rank, taken rank by rank. A token is made before the merges that
// use it are, so in a trained vocabulary a merge only ever makes merges of higher rank possible:
// each list is then whole when its turn comes, and memory is walked in order, which on a megabyte
// of one letter is several times faster than a heap. What comes too late for that goes to a heap.
class BucketQueue {
 public:
  // All ranks are below num_ranks.
  explicit BucketQueue(std::size_t num_ranks) : bucket_of_rank_(num_ranks, kNoBucket) {}

  void push(QueuedMerge merge) {
    if (active_ && merge.rank <= active_->rank) return late_.push(merge);
    std::uint32_t& bucket = bucket_of_rank_[merge.rank];
    if (bucket == kNoBucket) {
      bucket = static_cast<std::uint32_t>(buckets_.size());
      buckets_.emplace_back();
      ranks_.push({merge.rank, bucket});
    }
    buckets_[bucket].push_back(merge.position);
  }

  std::optional<QueuedMerge> pop() {
    const auto next = next_in_order();
    const auto late = late_.top();
    if (late && (!next || *late < *next)) return late_.pop();
    if (next) ++active_->taken;
    return next;
  }

 private:
  static constexpr std::uint32_t kNoBucket = UINT32_MAX;

  struct Active {
    std::uint32_t rank, bucket;
    std::size_t taken;
  };

  // The first merge of the active bucket; of the next bucket, where that is used up and nothing
  // late may come before it.
  std::optional<QueuedMerge> next_in_order() {
    if (!active_ || active_->taken == buckets_[active_->bucket].size()) {
      if (late_.top() || !activate_next()) return std::nullopt;
    }
    return QueuedMerge{active_->rank, buckets_[active_->bucket][active_->taken]};
  }

  bool activate_next() {
    const auto next = ranks_.pop();
    if (!next) return false;
    active_ = Active{next->rank, next->position, 0};
    auto& positions = buckets_[active_->bucket];
    if (!std::is_sorted(positions.begin(), positions.end())) {
      std::sort(positions.begin(), positions.end());
    }
    return true;
  }

  std::vector<std::uint32_t> bucket_of_rank_;
  std::vector<std::vector<std::uint32_t>> buckets_;
  HeapQueue ranks_;  // the buckets still to come, each in the place of a position
  HeapQueue late_;
  std::optional<Active> active_;
};

}  // namespace parapet
