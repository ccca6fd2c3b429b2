#include "precision/forward_probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "precision/probe_testing.h"

namespace parapet::test {
namespace {

// As the engine's own tests have it, against transformers in float32.
constexpr double kTolerance = 1e-4;

TEST(ForwardProbeTest, LogitsAndAnswersAreTransformers) {
  for (const std::string& name : golden_names()) {
    SCOPED_TRACE(name);
    const GoldenCheckpoint golden = golden_checkpoint(name);
    const std::vector<ProbePrompt> prompts = prompts_of(golden);
    ForwardProbe probe = value_of(ForwardProbe::load(float32_options(golden.directory)));
    const std::vector<ProbeOutput> outputs = value_of(probe.run(prompts));
    ASSERT_EQ(outputs.size(), prompts.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_LE(relative_l2<float>(outputs[i].logits, golden.prompts[i].logits), kTolerance);
      const std::vector<TokenId> ids[] = {prompts[i].ids};
      const auto& expected = golden.prompts[i].greedy_continuation;
      const auto answers = value_of(probe.generate(ids, std::ssize(expected)));
      EXPECT_EQ(answers.at(0), expected);
    }
  }
}

// Prompts that begin alike, in one call with steps of 7 rows, and each alone in one step.
TEST(ForwardProbeTest, OtherPromptsAndStepsChangeNoBit) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  std::mt19937 random(7);
  std::vector<TokenId> beginning(45);
  const auto token = [&] {
    return static_cast<TokenId>(random() % static_cast<unsigned>(golden.config.vocab_size));
  };
  std::ranges::generate(beginning, token);
  std::vector<ProbePrompt> prompts;
  for (std::ptrdiff_t i = 0; i < 9; ++i) {
    ProbePrompt prompt{{beginning.begin(), beginning.begin() + 5 * i}, {}};
    while (std::ssize(prompt.ids) < 60 - 3 * i) prompt.ids.push_back(token());
    prompt.positions = {std::ssize(prompt.ids) - 1 - i, std::ssize(prompt.ids) - 1};
    if (i == 0) prompt.positions.erase(prompt.positions.begin());
    prompts.push_back(std::move(prompt));
  }
  for (const bool bfloat16 : {false, true}) {
    ProbeOptions options =
        bfloat16 ? bfloat16_options(golden.directory) : float32_options(golden.directory);
    options.keep_hidden = true;
    ForwardProbe whole = value_of(ForwardProbe::load(options));
    options.model.max_num_batched_tokens = 7;
    options.model.max_model_len = 64;
    options.model.num_threads = 1;
    ForwardProbe parts = value_of(ForwardProbe::load(options));
    const auto together = value_of(parts.run(prompts));
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const auto alone = value_of(whole.run(std::span(prompts).subspan(i, 1)));
      EXPECT_TRUE(same_bits(together[i].logits, alone[0].logits)) << i;
      ASSERT_EQ(together[i].hidden.size(), alone[0].hidden.size());
      for (std::size_t layer = 0; layer < alone[0].hidden.size(); ++layer) {
        EXPECT_TRUE(same_bits(together[i].hidden[layer], alone[0].hidden[layer])) << i << layer;
      }
    }
    std::vector<std::vector<TokenId>> ids;
    for (const ProbePrompt& prompt : prompts) ids.push_back(prompt.ids);
    const auto answers = value_of(parts.generate(ids, 4));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(answers[i], value_of(whole.generate(std::span(ids).subspan(i, 1), 4))[0]) << i;
    }
  }
}

// What an answer left in the cache, what a run did, and a cache that overflows in between.
TEST(ForwardProbeTest, EarlierCallsChangeNoBit) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-bf16-tied-long");
  ProbeOptions options = float32_options(golden.directory);
  options.model.max_model_len = 128;
  std::vector<ProbePrompt> prompts = prompts_of(golden);
  std::erase_if(prompts, [](const ProbePrompt& prompt) { return std::ssize(prompt.ids) > 110; });
  std::vector<std::vector<TokenId>> ids;
  for (ProbePrompt& prompt : prompts) {
    ids.push_back(prompt.ids);
    prompt.positions = {std::ssize(prompt.ids) - 1};
  }
  ForwardProbe used = value_of(ForwardProbe::load(options));
  const auto answers = value_of(used.generate(ids, 6));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    prompts[i].ids.insert(prompts[i].ids.end(), answers[i].begin(), answers[i].end());
    prompts[i].positions.push_back(std::ssize(prompts[i].ids) - 1);
  }
  for (int round = 0; round < 2; ++round) {
    const auto outputs = value_of(used.run(prompts));
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      ForwardProbe fresh = value_of(ForwardProbe::load(options));
      const auto alone = value_of(fresh.run(std::span(prompts).subspan(i, 1)));
      EXPECT_TRUE(same_bits(outputs[i].logits, alone[0].logits)) << i;
    }
  }
}

// Every op is there, the logits are the last of them, and hidden states are residual streams.
TEST(ForwardProbeTest, TapsSeeEveryOp) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
  ProbeOptions options = float32_options(golden.directory);
  options.keep_hidden = options.keep_ops = true;
  ForwardProbe probe = value_of(ForwardProbe::load(options));
  const std::vector<ProbePrompt> prompts = prompts_of(golden);
  const auto outputs = value_of(probe.run(prompts));
  const auto layers = static_cast<std::size_t>(golden.config.num_hidden_layers);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ProbeOutput& output = outputs[i];
    EXPECT_LE(relative_l2<float>(output.logits, golden.prompts[i].logits), kTolerance);
    ASSERT_EQ(output.ops.size(), 3 + 13 * layers);
    ASSERT_EQ(output.hidden.size(), 1 + layers);
    std::size_t residuals = 0;
    for (const OpOutput& op : output.ops) {
      ASSERT_EQ(op.values.size(),
                prompts[i].positions.size() * static_cast<std::size_t>(op.features));
      if (op.op != OpName::kEmbedding && op.op != OpName::kMlpResidual) continue;
      EXPECT_TRUE(same_bits(op.values, output.hidden[residuals++]));
    }
    EXPECT_EQ(residuals, output.hidden.size());
    EXPECT_TRUE(same_bits(output.ops.back().values, output.logits));
  }
}

// Given its own results as inputs, every op gives them again.
TEST(ForwardProbeTest, OwnInputsGiveOwnOutputs) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-bf16-tied-long");
  ProbeOptions options = bfloat16_options(golden.directory);
  options.keep_ops = true;
  ForwardProbe probe = value_of(ForwardProbe::load(options));
  std::vector<ProbePrompt> prompts = prompts_of(golden);
  prompts.resize(4);
  const auto own = value_of(probe.run(prompts));
  const auto again = value_of(probe.run_on_inputs_of(prompts, own));
  for (std::size_t i = 0; i < own.size(); ++i) {
    for (std::size_t op = 0; op < own[i].ops.size(); ++op) {
      EXPECT_TRUE(same_bits(own[i].ops[op].values, again[i].ops[op].values)) << op;
    }
  }
}

TEST(ForwardProbeTest, CodesBeginWhereTheirFirstLayerDoes) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
  ProbeOptions options = float32_options(golden.directory);
  options.keep_hidden = true;
  ForwardProbe probe = value_of(ForwardProbe::load(options));
  const std::vector<ProbePrompt> prompts = prompts_of(golden);
  const auto plain = value_of(probe.run(prompts));
  options.numerics.codes = {.layer_group = 128, .head_group = 128, .first_layer = 1};
  ASSERT_TRUE(probe.reconfigure(options));
  const auto coded = value_of(probe.run(prompts));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_LT(relative_l2<float>(coded[i].hidden[1], plain[i].hidden[1]), 1e-6);
    EXPECT_GT(relative_l2<float>(coded[i].hidden[2], plain[i].hidden[2]), 1e-4);
  }
}

TEST(ForwardProbeTest, RefusesWhatItCannotRun) {
  const GoldenCheckpoint golden = golden_checkpoint("mqa5-bf16");
  ProbeOptions options = float32_options(golden.directory);
  options.model.max_model_len = 8;
  ForwardProbe probe = value_of(ForwardProbe::load(options));
  const auto refusal = [&](const ProbePrompt& prompt) {
    const auto outputs = probe.run(std::span(&prompt, 1));
    return outputs ? "" : outputs.error().message;
  };
  EXPECT_EQ(refusal({{}, {}}), "prompt 0 is empty, expected one token or more");
  EXPECT_EQ(refusal({std::vector<TokenId>(9), {}}),
            "prompt 0 has 9 tokens, expected at most 8 (max_model_len)");
  EXPECT_NE(refusal({{1, -1}, {}}).find("a token id is -1"), std::string::npos);
  EXPECT_NE(refusal({{1, 2}, {1, 1}}).find("a position is 1"), std::string::npos);
  EXPECT_NE(refusal({{1, 2}, {2}}).find("a position is 2"), std::string::npos);
  EXPECT_EQ(refusal({{1, 2}, {1}}), "");
  const auto load_refusal = [&](auto change) {
    ProbeOptions changed = options;
    change(changed);
    const auto loaded = ForwardProbe::load(changed);
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_EQ(load_refusal([](ProbeOptions& o) { o.model.activation_dtype = "float16"; }),
            "activation_dtype is 'float16', expected 'float32' or 'bfloat16'");
  EXPECT_NE(load_refusal([](ProbeOptions& o) { o.isa = "sse9"; }).find("sse9"), std::string::npos);
  EXPECT_NE(load_refusal([](ProbeOptions& o) { o.model.shape = "5b"; }), "");
  EXPECT_NE(load_refusal([](ProbeOptions& o) { o.model.kv_cache_dtype = "fp8"; }), "");
}

}  // namespace
}  // namespace parapet::test
