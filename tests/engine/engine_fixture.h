// An engine of one golden checkpoint on one device.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "model/golden_logits.h"

namespace parapet::test {

inline std::unique_ptr<Engine> make_engine(Device& device, const GoldenCheckpoint& golden,
                                           EngineOptions options = {}) {
  if (!options.kv_cache_dtype) options.kv_cache_dtype = DType::kF32;
  auto engine = Engine::create(device, golden.config, golden.weights(), options);
  if (!engine) throw std::runtime_error(engine.error().message);
  (*engine)->check_every_step(true);
  return std::move(*engine);
}

inline GenerationRequest request_for(const GoldenPrompt& prompt) {
  GenerationRequest request;
  request.prompt = prompt.token_ids;
  request.max_tokens = std::ssize(prompt.greedy_continuation);
  return request;
}

// Watches the same tokens at some steps, and drafts what it is told to.
class TestPlan final : public AnswerPlan {
 public:
  using Draft = std::function<DraftTree(std::span<const TokenId>)>;

  explicit TestPlan(std::map<std::size_t, std::vector<TokenId>> watch, Draft draft = {})
      : watch_(std::move(watch)), draft_(std::move(draft)) {}
  DraftTree draft(std::span<const TokenId> output) const override {
    return draft_ ? draft_(output) : DraftTree();
  }
  std::span<const TokenId> watch(std::span<const TokenId> output) const override {
    const auto found = watch_.find(output.size());
    if (found == watch_.end()) return {};
    return found->second;
  }

 private:
  std::map<std::size_t, std::vector<TokenId>> watch_;
  Draft draft_;
};

inline std::vector<float> watched_at(const GenerationOutput& output, std::int64_t step) {
  for (const WatchedLogprobs& watched : output.watched) {
    if (watched.step == step) return watched.logprobs;
  }
  return {};
}

inline GenerationOutput generate_one(Engine& engine, const GenerationRequest& request) {
  auto answers = engine.generate(std::span(&request, 1));
  EXPECT_EQ(answers.size(), 1U);
  if (!answers.at(0)) throw std::runtime_error(answers[0].error().message);
  return std::move(*answers[0]);
}

}  // namespace parapet::test
