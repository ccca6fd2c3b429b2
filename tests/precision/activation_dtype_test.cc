// --activation-dtype bfloat16 in an engine: the promises that hold in float32 hold in it too.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "parapet/llm.h"
#include "precision/probe_testing.h"
#include "support/paths.h"

namespace parapet::test {
namespace {

std::vector<std::vector<TokenId>> prompts() {
  std::vector<std::vector<TokenId>> all;
  for (const std::size_t length : {1U, 40U, 41U, 90U}) {
    auto& ids = all.emplace_back();
    for (std::size_t i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>(i * i % 8000));
  }
  return all;
}

ModelOptions bfloat16_model() {
  ModelOptions options;
  options.model = bundled_model();
  options.activation_dtype = "bfloat16";
  options.max_num_seqs = 8;
  options.kv_cache_memory = 64 << 20;
  return options;
}

struct Bits {
  std::vector<TokenId> ids;
  std::vector<float> logprobs;
  bool operator==(const Bits&) const = default;
};

std::vector<Bits> answers_of(const ModelOptions& options) {
  LLM llm = value_of(LLM::load(options));
  EXPECT_EQ(llm.info().activation_dtype, options.activation_dtype);
  SamplingParams params;
  params.max_tokens = 5;
  params.ignore_eos = true;
  params.logprobs = 3;
  std::vector<Bits> all;
  for (auto& output : llm.generate_from_ids(prompts(), params)) {
    const CompletionOutput answer = value_of(std::move(output)).outputs.at(0);
    Bits& bits = all.emplace_back();
    bits.ids = answer.token_ids;
    for (const auto& position : answer.logprobs) {
      for (const Logprob& each : position) bits.logprobs.push_back(each.logprob);
    }
  }
  return all;
}

TEST(ActivationDtypeTest, GraphsChunksAndThreadsChangeNoBit) {
  const std::vector<Bits> expected = answers_of(bfloat16_model());
  ModelOptions eager = bfloat16_model();
  eager.enforce_eager = true;
  EXPECT_EQ(answers_of(eager), expected);
  ModelOptions chunks = bfloat16_model();
  chunks.max_num_batched_tokens = 33;
  chunks.num_threads = 1;
  EXPECT_EQ(answers_of(chunks), expected);
  ModelOptions float32 = bfloat16_model();
  float32.activation_dtype = "float32";
  EXPECT_NE(answers_of(float32), expected);
}

// What an engine serves is what a probe measures.
TEST(ActivationDtypeTest, EngineAndProbeAgree) {
  const std::vector<Bits> served = answers_of(bfloat16_model());
  ProbeOptions options;
  options.model = bfloat16_model();
  ForwardProbe probe = value_of(ForwardProbe::load(options));
  EXPECT_EQ(probe.device_info().activation_dtype, DType::kBF16);
  EXPECT_EQ(probe.kv_cache_dtype(), DType::kBF16);
  std::vector<ProbePrompt> asked;
  for (auto& ids : prompts()) asked.push_back({ids, {std::ssize(ids) - 1}});
  const auto outputs = value_of(probe.run(asked));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    double sum = 0;
    for (const float logit : outputs[i].logits) sum += std::exp(double{logit});
    const auto first = static_cast<std::size_t>(served[i].ids.at(0));
    EXPECT_NEAR(served[i].logprobs.at(0), outputs[i].logits[first] - std::log(sum), 1e-5);
  }
}

TEST(ActivationDtypeTest, OtherTypesAreRefused) {
  ModelOptions options = bfloat16_model();
  options.activation_dtype = "float16";
  const auto llm = LLM::load(options);
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(llm.error().message, "activation_dtype: 'float16'; expected 'float32' or 'bfloat16'");
}

}  // namespace
}  // namespace parapet::test
