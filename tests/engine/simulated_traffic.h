// Random requests for simulations: prompts that begin alike, plans that draft right and wrong.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/fake_engine.h"

namespace parapet::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // From low to high, both included. Not std::uniform_int_distribution: a seed is to mean the same
  // with every standard library.
  std::int64_t within(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool percent(std::int64_t chance) { return within(0, 99) < chance; }
  std::vector<TokenId> tokens(std::int64_t count, std::int64_t vocab_size) {
    std::vector<TokenId> all;
    while (std::ssize(all) < count) all.push_back(static_cast<TokenId>(within(0, vocab_size - 1)));
    return all;
  }

 private:
  std::mt19937_64 engine_;
};

// Knows the model and drafts what it would write: always, never or now and then.
class SimulatedPlan final : public AnswerPlan {
 public:
  SimulatedPlan(const FakeModel& model, std::vector<TokenId> prompt, std::int64_t vocab_size)
      : model_(model), prompt_(std::move(prompt)), vocab_size_(vocab_size) {}

  DraftTree draft(std::span<const TokenId> output) const override {
    std::vector<TokenId> tokens = prompt_;
    tokens.insert(tokens.end(), output.begin(), output.end());
    const std::uint64_t root = model_.context(tokens);
    Random random(root);
    const std::int64_t right = random.within(0, 4) * 25;  // percent
    const std::int64_t num_nodes = random.within(0, random.percent(10) ? 60 : 12);
    DraftTree tree;
    std::vector<std::uint64_t> contexts;  // one a node
    for (std::int32_t i = 0; i < num_nodes; ++i) {
      const auto parent =
          random.percent(60) ? i - 1 : static_cast<std::int32_t>(random.within(-1, i - 1));
      const std::uint64_t before = parent < 0 ? root : contexts[static_cast<std::size_t>(parent)];
      const TokenId token =
          random.percent(right) ? model_.next(before) : random.tokens(1, vocab_size_).front();
      contexts.push_back(model_.extend(before, token));
      tree.add(token, parent);
    }
    return tree;
  }
  std::span<const TokenId> watch(std::span<const TokenId> /*output*/) const override { return {}; }

 private:
  FakeModel model_;
  std::vector<TokenId> prompt_;
  std::int64_t vocab_size_;
};

// Small in every way, since what goes wrong does so at the limits.
inline EngineLimits draw_limits(Random& random) {
  EngineLimits limits;
  limits.vocab_size = random.within(2, 12);
  limits.max_model_len = random.within(2, 70);
  limits.max_num_seqs = random.within(1, 6);
  limits.max_num_batched_tokens = limits.max_num_seqs + random.within(0, 40);
  limits.block_size = random.within(1, 16);
  // As few as the longest request needs, or with room for some.
  limits.num_kv_blocks = limits.blocks_for(limits.max_model_len - 1);
  if (random.percent(70)) limits.num_kv_blocks += random.within(0, 3 * limits.num_kv_blocks);
  limits.enable_prefix_caching = random.percent(90);
  limits.max_num_requests = 1'000'000;
  return limits;
}

class SimulatedTraffic {
 public:
  SimulatedTraffic(Random& random, const EngineLimits& limits)
      : limits_(limits),
        pin_percent_(random.percent(30) ? 20 : 0),
        draft_percent_(random.within(0, 100)),
        num_salts_(random.within(1, 3)),
        num_priorities_(random.within(1, 3)) {
    for (int i = 0; i < 3; ++i) {
      families_.push_back(random.tokens(limits.max_model_len, limits.vocab_size));
    }
  }

  GenerationRequest draw(Random& random, const FakeEngine& engine) const {
    GenerationRequest request;
    request.prompt = draw_prompt(random, engine);
    request.max_tokens = random.within(0, random.percent(50) ? 8 : limits_.max_model_len);
    if (random.percent(30)) request.stop_token_ids = random.tokens(1, limits_.vocab_size);
    if (random.percent(draft_percent_)) {
      request.plan =
          std::make_shared<SimulatedPlan>(engine.model(), request.prompt, limits_.vocab_size);
    }
    request.priority = random.within(0, num_priorities_ - 1);
    request.cache_salt.assign(static_cast<std::size_t>(random.within(0, num_salts_ - 1)), 's');
    if (random.percent(50)) {
      request.num_public_tokens = random.within(0, std::ssize(request.prompt));
    }
    if (random.percent(10)) request.prompt_logprobs = 1;
    request.use_prefix_cache = !random.percent(10);
    request.pin_prompt = random.percent(pin_percent_);
    return request;
  }

 private:
  // Begins as others do, or goes on with what an earlier request had come to.
  std::vector<TokenId> draw_prompt(Random& random, const FakeEngine& engine) const {
    const std::int64_t most = limits_.max_model_len - 1;
    const auto& served = engine.served();
    std::vector<TokenId> prompt = families_[static_cast<std::size_t>(random.within(0, 2))];
    if (!served.empty() && random.percent(40)) {
      const auto earlier = random.within(0, std::ssize(served) - 1);
      prompt = served[static_cast<std::size_t>(earlier)].sequence.tokens;
    }
    const std::int64_t kept = random.within(0, std::min(most, std::ssize(prompt)));
    prompt.resize(static_cast<std::size_t>(kept));
    const std::int64_t num_own =
        random.within(kept == 0 ? 1 : 0, std::min<std::int64_t>(most - kept, 8));
    const std::vector<TokenId> own = random.tokens(num_own, limits_.vocab_size);
    prompt.insert(prompt.end(), own.begin(), own.end());
    return prompt;
  }

  EngineLimits limits_;
  std::int64_t pin_percent_;
  std::int64_t draft_percent_;
  std::int64_t num_salts_;
  std::int64_t num_priorities_;
  std::vector<std::vector<TokenId>> families_;
};

}  // namespace parapet::test
