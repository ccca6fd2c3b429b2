// A model and its KV cache without a device. The next token depends on every token before it, and a
// key that is read where another one lies does not go unnoticed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/scheduler.h"

namespace parapet::test {

class FakeModel {
 public:
  FakeModel(std::uint64_t seed, std::int64_t vocab_size)
      : seed_(seed), vocab_size_(static_cast<std::uint64_t>(vocab_size)) {}

  // What stands for a context. Equal ones name equal tokens.
  std::uint64_t extend(std::uint64_t context, TokenId token) const {
    return mix(context * 0x9E3779B97F4A7C15ULL + static_cast<std::uint64_t>(token) + 1);
  }
  std::uint64_t context(std::span<const TokenId> tokens) const {
    std::uint64_t all = seed_;
    for (const TokenId token : tokens) all = extend(all, token);
    return all;
  }
  TokenId next(std::uint64_t context) const {
    return static_cast<TokenId>(mix(context ^ ~seed_) % vocab_size_);
  }

  // The request's answer, its stop token included, as nothing but the prompt decides it.
  std::vector<TokenId> answer_alone(const GenerationRequest& request,
                                    std::int64_t max_tokens) const {
    std::vector<TokenId> answer;
    std::uint64_t all = context(request.prompt);
    while (std::ssize(answer) < max_tokens) {
      answer.push_back(next(all));
      all = extend(all, answer.back());
      if (std::ranges::count(request.stop_token_ids, answer.back()) > 0) break;
    }
    return answer;
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 31;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }

  std::uint64_t seed_;
  std::uint64_t vocab_size_;
};

// Throws std::runtime_error where a step writes what others use, or would read what is not there.
class FakeKvCache {
 public:
  FakeKvCache(const FakeModel& model, const EngineLimits& limits)
      : model_(model),
        block_size_(limits.block_size),
        keys_(static_cast<std::size_t>(limits.kv_cache_tokens())) {}

  // A step is computed in a device's order: first its copies, then every row's key is written, then
  // every row's context is read. The rows lie where StepInputs puts them.
  void copy_blocks(const Step& step, const BlockPool& blocks) {
    for (const auto& [source, copy] : step.block_copies) copy_block(source, copy, blocks);
  }
  void compute(const Step& step, const BlockPool& blocks) {
    written_.clear();
    for (const ScheduledSequence& each : step.sequences) write_rows(each, blocks);
    for (const ScheduledSequence& each : step.sequences) read_contexts(each);
  }

  // What a sequence may copy is from then on its own, as if it had written it. It may have started
  // without any row of this step.
  void adopt_copies(const Sequence& sequence, const Step& step) {
    for (const Key& key : keys_of(sequence, sequence.tokens)) {
      if (key.position >= sequence.num_computed) return;
      const std::int64_t slot = slot_of(sequence.block_table, key.position);
      const bool copied = std::ranges::any_of(
          step.block_copies, [&](const auto& pair) { return pair.second == slot / block_size_; });
      if (!copied) continue;
      read(sequence, slot, key);
      keys_[static_cast<std::size_t>(slot)] = key;
    }
  }

 private:
  struct Key {
    std::uint64_t context = 0;  // of the token and all before it
    TokenId token = -1;
    std::int64_t position = -1;
    // The writer's secrets, which only its like may read.
    std::string salt;
    bool is_public = false;
  };
  using Blocks = std::vector<std::int32_t>;

  std::int64_t slot_of(const Blocks& blocks, std::int64_t index) const {
    const std::int64_t block = blocks.at(static_cast<std::size_t>(index / block_size_));
    return block * block_size_ + index % block_size_;
  }

  void copy_block(std::int32_t source, std::int32_t copy, const BlockPool& blocks) {
    check(blocks.num_users(source) > 0 && blocks.num_users(copy) == 1, "a copy of what is free");
    const auto from = keys_.begin() + source * block_size_;
    std::copy(from, from + block_size_, keys_.begin() + copy * block_size_);
  }

  std::int64_t node_slot(const ScheduledSequence& scheduled, std::int64_t node) const {
    const DraftLayout& draft = scheduled.draft;
    if (node >= draft.trunk_len()) {
      return slot_of(scheduled.scratch_blocks, node - draft.trunk_len());
    }
    const std::int64_t end = scheduled.sequence->num_computed + scheduled.num_tokens;
    return slot_of(scheduled.sequence->block_table, end + node);
  }

  void write_rows(const ScheduledSequence& scheduled, const BlockPool& blocks) {
    const Sequence& sequence = *scheduled.sequence;
    const std::int64_t end = sequence.num_computed + scheduled.num_tokens;
    const std::vector<Key> keys = keys_of(sequence, sequence.tokens);
    for (std::int64_t i = sequence.num_computed; i < end; ++i) {
      write(slot_of(sequence.block_table, i), keys[static_cast<std::size_t>(i)], blocks);
    }
    for (std::int64_t node = 0; node < scheduled.draft.num_nodes(); ++node) {
      check(scheduled.reaches_end(), "a draft before the last token");
      write(node_slot(scheduled, node), keys_on_path(scheduled, node).back(), blocks);
    }
  }

  void write(std::int64_t slot, const Key& key, const BlockPool& blocks) {
    check(written_.insert(slot).second, "two rows write the same slot");
    const auto block = static_cast<std::int32_t>(slot / block_size_);
    check(blocks.num_users(block) == 1, "a row writes a block that others use");
    keys_[static_cast<std::size_t>(slot)] = key;
  }

  void read_contexts(const ScheduledSequence& scheduled) const {
    const Sequence& sequence = *scheduled.sequence;
    const DraftLayout& draft = scheduled.draft;
    const std::int64_t end = sequence.num_computed + scheduled.num_tokens;
    std::vector<Key> trunk = draft.trunk_len() > 0 ? keys_on_path(scheduled, draft.trunk_len() - 1)
                                                   : keys_of(sequence, sequence.tokens);
    trunk.resize(static_cast<std::size_t>(end + draft.trunk_len()));
    for (const Key& key : trunk) read(sequence, slot_of(sequence.block_table, key.position), key);
    for (const DraftLayout::Branch& branch : draft.branches()) {
      const std::int64_t tail_start = end + branch.first_depth;
      for (const Key& key : keys_on_path(scheduled, branch.end - 1)) {
        const std::int64_t in_tail = key.position - tail_start;
        const std::int64_t slot =
            in_tail < 0 ? slot_of(sequence.block_table, key.position)
                        : node_slot(scheduled, branch.tail.at(static_cast<std::size_t>(in_tail)));
        read(sequence, slot, key);
      }
    }
  }

  void read(const Sequence& sequence, std::int64_t slot, const Key& expected) const {
    const Key& key = keys_[static_cast<std::size_t>(slot)];
    const std::string where = "request " + std::to_string(sequence.id) + ", position " +
                              std::to_string(expected.position) + ", slot " + std::to_string(slot);
    check(key.context == expected.context && key.token == expected.token &&
              key.position == expected.position,
          where + ": the key of another token, " + std::to_string(key.token) + " at " +
              std::to_string(key.position));
    const bool shared_by_all = key.is_public || key.salt.empty();
    const bool may_share = sequence.request.cache_salt.empty() || expected.is_public;
    check(key.salt == sequence.request.cache_salt || (shared_by_all && may_share),
          where + ": a secret of salt '" + key.salt + "'");
  }

  std::vector<Key> keys_of(const Sequence& sequence, std::span<const TokenId> tokens) const {
    std::vector<Key> keys;
    std::uint64_t context = model_.context({});
    for (const TokenId token : tokens) {
      context = model_.extend(context, token);
      const std::int64_t position = std::ssize(keys);
      keys.push_back({context, token, position, sequence.request.cache_salt,
                      position < sequence.request.num_public_tokens});
    }
    return keys;
  }

  std::vector<Key> keys_on_path(const ScheduledSequence& scheduled, std::int64_t node) const {
    std::vector<TokenId> tokens = scheduled.sequence->tokens;
    const std::vector<TokenId> path = scheduled.draft.path(node);
    tokens.insert(tokens.end(), path.begin(), path.end());
    return keys_of(*scheduled.sequence, tokens);
  }

  static void check(bool holds, const std::string& problem) {
    if (!holds) throw std::runtime_error(problem);
  }

  FakeModel model_;
  std::int64_t block_size_;
  std::vector<Key> keys_;  // one a slot
  std::set<std::int64_t> written_;
};

}  // namespace parapet::test
