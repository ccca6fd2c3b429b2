// The promise of the engine: bits of an answer depend on its request alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "engine/engine.h"
#include "engine/engine_fixture.h"

namespace parapet::test {
namespace {

struct Bits {
  std::vector<TokenId> token_ids;
  std::vector<std::vector<TokenLogprob>> logprobs;
  bool operator==(const Bits&) const = default;
};

std::unique_ptr<Device> cpu_device(int num_threads) {
  auto device = create_cpu_device({.num_threads = num_threads});
  if (!device) throw std::runtime_error(device.error().message);
  return std::move(*device);
}

Bits bits_of(const GenerationOutput& output) { return {output.token_ids, output.logprobs}; }

// Requests of all lengths, some with a common beginning, greedy and sampled.
std::vector<GenerationRequest> random_requests(const GoldenCheckpoint& golden, std::mt19937& random,
                                               std::size_t count) {
  const auto vocab_size = static_cast<std::uint32_t>(golden.config.vocab_size);
  std::vector<TokenId> common(40);
  for (TokenId& token : common) token = static_cast<TokenId>(random() % vocab_size);
  std::vector<GenerationRequest> requests;
  for (std::size_t i = 0; i < count; ++i) {
    GenerationRequest request;
    request.prompt.assign(common.begin(),
                          common.begin() + static_cast<std::ptrdiff_t>(random() % 41));
    for (auto rest = 1 + random() % 70; rest > 0; --rest) {
      request.prompt.push_back(static_cast<TokenId>(random() % vocab_size));
    }
    request.max_tokens = 1 + random() % 8;
    request.logprobs = 2;
    if (random() % 3 == 0) {
      request.sampling.temperature = 0.9;
      request.sampling.top_p = 0.95;
      request.sampling.repetition_penalty = 1.1;
      request.sampling.seed = i;
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

EngineOptions random_options(std::mt19937& random) {
  EngineOptions options;
  options.max_num_seqs = 1 + random() % 12;
  options.max_num_batched_tokens = options.max_num_seqs + random() % 150;
  options.block_size = 1 + random() % 20;
  options.num_kv_blocks = 130 / options.block_size + 2 + random() % 200;
  options.enable_prefix_caching = random() % 2 == 0;
  options.enforce_eager = random() % 2 == 0;
  return options;
}

// Alone and cold, then in random batches, chunks, block sizes, caches, modes and threads, each
// twice so that the second run meets a warm cache.
TEST(DeterminismTest, MixesChangeNoBit) {
  std::mt19937 random(20'261'122);
  for (const std::string& name : golden_names()) {
    const GoldenCheckpoint golden = golden_checkpoint(name);
    const auto requests = random_requests(golden, random, 8);
    std::vector<Bits> expected;
    for (const GenerationRequest& request : requests) {
      const auto device = cpu_device(1);
      const auto engine =
          make_engine(*device, golden, {.num_kv_blocks = 64, .enforce_eager = true});
      expected.push_back(bits_of(generate_one(*engine, request)));
    }
    for (int mix = 0; mix < 8; ++mix) {
      const auto device = cpu_device(1 + mix % 3);
      const EngineOptions options = random_options(random);
      const auto engine = make_engine(*device, golden, options);
      for (const bool warm : {false, true}) {
        const auto answers = engine->generate(requests);
        for (std::size_t i = 0; i < requests.size(); ++i) {
          ASSERT_TRUE(answers[i]) << answers[i].error().message;
          EXPECT_EQ(bits_of(*answers[i]), expected[i])
              << name << ", mix " << mix << ", request " << i << (warm ? ", warm" : "");
        }
      }
    }
  }
}

// Every captured size and its neighbours, with prompts of as many rows.
TEST(DeterminismTest, ReplayEqualsEager) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  const auto device = cpu_device(2);
  const auto eager = make_engine(*device, golden, {.num_kv_blocks = 64, .enforce_eager = true});
  const auto graphs = make_engine(*device, golden, {.num_kv_blocks = 64});
  EXPECT_EQ(eager->captured().num_sizes(), 0);
  EXPECT_EQ(graphs->captured().num_sizes(), 35);
  std::mt19937 random(7);
  for (const std::size_t length : {1, 2, 3, 4, 5, 8, 9, 100, 248, 249, 256, 257}) {
    GenerationRequest request;
    request.max_tokens = 3;
    request.logprobs = 3;
    request.use_prefix_cache = false;
    for (std::size_t i = 0; i < length; ++i) {
      request.prompt.push_back(
          static_cast<TokenId>(random() % static_cast<std::uint32_t>(golden.config.vocab_size)));
    }
    EXPECT_EQ(bits_of(generate_one(*graphs, request)), bits_of(generate_one(*eager, request)))
        << length;
  }
}

}  // namespace
}  // namespace parapet::test
