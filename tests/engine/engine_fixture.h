// An engine of one golden checkpoint on one device.
#pragma once

#include <gtest/gtest.h>

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
  return std::move(*engine);
}

inline GenerationRequest request_for(const GoldenPrompt& prompt) {
  GenerationRequest request;
  request.prompt = prompt.token_ids;
  request.max_tokens = std::ssize(prompt.greedy_continuation);
  return request;
}

inline GenerationOutput generate_one(Engine& engine, const GenerationRequest& request) {
  auto answers = engine.generate(std::span(&request, 1));
  EXPECT_EQ(answers.size(), 1U);
  if (!answers.at(0)) throw std::runtime_error(answers[0].error().message);
  return std::move(*answers[0]);
}

}  // namespace parapet::test
