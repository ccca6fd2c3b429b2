#include "precision/attribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "precision/error_tables.h"
#include "precision/probe_testing.h"
#include "support/paths.h"

namespace parapet::test {
namespace {

const DifferenceSource& source_of(const Attribution& attribution, const std::string& name) {
  const auto found = std::ranges::find(attribution.sources, name, &DifferenceSource::name);
  if (found == attribution.sources.end()) throw std::runtime_error("no source " + name);
  return *found;
}

Attribution attribution_of(const GoldenCheckpoint& golden, const ProbeOptions& candidate) {
  const ProbeOptions reference = float32_reference(candidate);
  ForwardProbe probe = value_of(ForwardProbe::load(reference));
  const std::vector<ProbePrompt> prompts = prompts_of(golden);
  AttributionOptions options;
  options.other_kernels = true;
  return value_of(attribute(probe, reference, candidate, prompts, options));
}

// What must hold whatever the model and the candidate.
void expect_consistent(const Attribution& attribution) {
  double shares = 0;
  double squares = 0;
  double together = 0;
  for (const DifferenceSource& source : attribution.sources) {
    SCOPED_TRACE(source.name);
    const double alone = source.alone.rms_relative_l2;
    EXPECT_EQ(alone > 0, source.none_because.empty());
    shares += source.share;
    squares += alone * alone;
    if (!source.none_because.empty()) {
      EXPECT_EQ(source.together.rms_relative_l2, together);
    }
    together = source.together.rms_relative_l2;
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_NEAR(attribution.sum_of_squares, std::sqrt(squares), 1e-9);
  // Nearly independent: what is added up is what there is, within a factor.
  EXPECT_LT(attribution.candidate.rms_relative_l2, 2 * attribution.sum_of_squares);
  EXPECT_GT(attribution.candidate.rms_relative_l2, 0.5 * attribution.sum_of_squares);
  EXPECT_FALSE(attribution.suspect);
}

TEST(AttributionTest, Bfloat16FallsApartIntoItsRoundings) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
  const Attribution attribution = attribution_of(golden, bfloat16_options(golden.directory));
  expect_consistent(attribution);
  EXPECT_EQ(attribution.sources.size(), 9U);
  EXPECT_NE(source_of(attribution, "weights_bfloat16").none_because, "");
  // All of them together are the candidate.
  EXPECT_EQ(attribution.sources.back().together.rms_relative_l2,
            attribution.candidate.rms_relative_l2);
  // A value is off by up to 2^-9 of itself: some 2^-9 / sqrt(3) on average.
  const auto logits = source_of(attribution, "logits").alone;
  EXPECT_NEAR(logits.relative_l2, 0x1p-9 / std::sqrt(3.0) * 1.4, 5e-4);
  ASSERT_EQ(attribution.layers.size(),
            1 + static_cast<std::size_t>(golden.config.num_hidden_layers));
  EXPECT_EQ(attribution.layers[0].relative_l2, 0);  // of bfloat16 weights
  for (const LayerError& layer : attribution.layers) EXPECT_GT(layer.min_cosine, 0.98);
  for (const OpError& op : attribution.ops) {
    if (op.op == OpName::kEmbedding) continue;
    EXPECT_GT(op.own_relative_l2, 1e-4) << op_name(op.op) << op.layer;
    EXPECT_LT(op.own_relative_l2, 6e-3) << op_name(op.op) << op.layer;
  }
  // Other sums move float32 by float32's own precision, and bfloat16 only where they tip a
  // rounding.
  EXPECT_LT(attribution.reference_on_other_kernels.relative_l2, 1e-5);
  EXPECT_LT(attribution.candidate_on_other_kernels.relative_l2, attribution.candidate.relative_l2);
}

TEST(AttributionTest, WiderWeightsAreRoundedToo) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  const Attribution attribution = attribution_of(golden, bfloat16_options(golden.directory));
  expect_consistent(attribution);
  EXPECT_EQ(source_of(attribution, "weights_bfloat16").none_because, "");
  EXPECT_GT(attribution.layers[0].own_relative_l2, 1e-4);
}

TEST(AttributionTest, QuantizationIsWeightsAndCodes) {
  for (const char* const format : {"int8", "int4"}) {
    SCOPED_TRACE(format);
    const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
    ProbeOptions candidate = float32_options(golden.directory);
    candidate.model.quantization = format;
    candidate.model.kv_cache_dtype = "auto";
    const Attribution attribution = attribution_of(golden, candidate);
    expect_consistent(attribution);
    ASSERT_EQ(attribution.sources.size(), 3U);
    const DifferenceSource& weights = source_of(attribution, "weights");
    const DifferenceSource& codes = source_of(attribution, "activation_codes");
    const DifferenceSource& cache = source_of(attribution, "kv_cache");
    EXPECT_GT(weights.share, format == std::string("int4") ? 0.8 : 0.2);
    // Both layers have a cache, the second alone has codes.
    EXPECT_GT(codes.share, cache.share / 2);
    EXPECT_EQ(cache.what, "keys and values cached as bfloat16");
  }
}

// The first layer's matrices stay dense: it makes no error of its own, and neither weights nor
// codes are told to.
TEST(AttributionTest, ADenseFirstLayerAddsNothing) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
  ProbeOptions candidate = float32_options(golden.directory);
  candidate.model.quantization = "int8";
  const Attribution attribution = attribution_of(golden, candidate);
  ASSERT_EQ(attribution.sources.size(), 2U);
  EXPECT_EQ(attribution.sources[0].what, "int8 weights from layer 2 on, multiplied as floats");
  EXPECT_EQ(attribution.layers[1].own_relative_l2, 0);
  EXPECT_GT(attribution.layers[2].own_relative_l2, 1e-3);
  for (const OpError& op : attribution.ops) {
    if (op.layer != 0) continue;
    EXPECT_LT(op.own_relative_l2, 1e-6) << op_name(op.op);
  }
  EXPECT_FALSE(attribution.suspect);
}

// All the difference there is, is one.
TEST(AttributionTest, ACacheAloneIsTheWholeDifference) {
  const GoldenCheckpoint golden = golden_checkpoint("mqa5-bf16");
  ProbeOptions candidate = float32_options(golden.directory);
  candidate.model.kv_cache_dtype = "int8";
  const Attribution attribution = attribution_of(golden, candidate);
  ASSERT_EQ(attribution.sources.size(), 1U);
  EXPECT_EQ(attribution.sources[0].share, 1);
  EXPECT_EQ(attribution.sources[0].alone.rms_relative_l2, attribution.candidate.rms_relative_l2);
  // Attention reads what the cache made of keys and values; nothing else differs.
  for (const OperatorError& each : attribution.operators) {
    const bool differs = each.op == OpName::kCachedKv || each.op == OpName::kAttention;
    EXPECT_EQ(each.own_relative_l2 > 0, differs) << op_name(each.op);
  }
}

TEST(AttributionTest, NoDifferenceIsNone) {
  const GoldenCheckpoint golden = golden_checkpoint("mqa5-bf16");
  const Attribution attribution = attribution_of(golden, float32_options(golden.directory));
  EXPECT_TRUE(attribution.sources.empty());
  EXPECT_EQ(attribution.candidate.relative_l2, 0);
  EXPECT_EQ(attribution.candidate.agreement, 1);
  for (const OpError& op : attribution.ops) EXPECT_EQ(op.own_relative_l2, 0);
  EXPECT_FALSE(attribution.suspect);
}

TEST(AttributionTest, RunsAreCounted) {
  const GoldenCheckpoint golden = golden_checkpoint("mqa5-bf16");
  const ProbeOptions candidate = bfloat16_options(golden.directory);
  const ProbeOptions reference = float32_reference(candidate);
  ForwardProbe probe = value_of(ForwardProbe::load(reference));
  const std::vector<ProbePrompt> prompts = prompts_of(golden);
  std::vector<std::int64_t> done;
  std::int64_t last_total = 0;
  AttributionOptions options;
  options.on_run = [&](std::int64_t now, std::int64_t total, std::string_view) {
    done.push_back(now);
    last_total = total;
  };
  value_of(attribute(probe, reference, candidate, prompts, options));
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_EQ(done.back(), last_total);
  EXPECT_EQ(std::ssize(done), last_total + 1);
}

TEST(ErrorTablesTest, FirstPositionsAreTakenInOrder) {
  const ProbePrompt prompts[] = {{{1, 2, 3}, {2}}, {{4, 5, 6, 7}, {0}}, {{8}, {}}};
  const auto first = first_positions(prompts, 5);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].ids, (std::vector<TokenId>{4, 5}));
  EXPECT_EQ(first[1].positions, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(num_positions(first), 5);
  EXPECT_EQ(num_positions(first_positions(prompts, 100)), 8);
}

TEST(ErrorTablesTest, TheFirstOpOutOfLineIsSuspect) {
  std::vector<OpError> ops;
  for (int layer = 0; layer < 5; ++layer) {
    ops.push_back({.layer = layer, .op = OpName::kQkv, .own_relative_l2 = 1e-3});
    ops.push_back({.layer = layer, .op = OpName::kGateUp, .own_relative_l2 = 3e-2});
  }
  EXPECT_FALSE(suspect_op(ops));
  ops[6].own_relative_l2 = 5e-3;
  ASSERT_TRUE(suspect_op(ops));
  EXPECT_EQ(suspect_op(ops)->layer, 3);
  EXPECT_EQ(suspect_op(ops)->op, OpName::kQkv);
  ops[3].own_relative_l2 = NAN;
  EXPECT_EQ(suspect_op(ops)->layer, 1);
}

TEST(ErrorTablesTest, DenseLayersAreHeldAgainstTheQuantizedOnes) {
  std::vector<OpError> ops;
  for (int layer = 0; layer < 4; ++layer) {
    ops.push_back({.layer = layer, .op = OpName::kQkv, .own_relative_l2 = layer < 3 ? 0 : 1e-2});
  }
  EXPECT_TRUE(suspect_op(ops)) << "were they all alike";
  EXPECT_FALSE(suspect_op(ops, 3));
  ops[1].own_relative_l2 = 5e-2;
  ASSERT_TRUE(suspect_op(ops, 3));
  EXPECT_EQ(suspect_op(ops, 3)->layer, 1);
}

TEST(DivergenceTest, KnownAnswers) {
  const float zeros[] = {0, 0};
  const float ones[] = {1, 1};
  const float x[] = {3, 4};
  const float y[] = {3, 3};
  EXPECT_EQ(relative_l2<float>(y, x), 0.2);
  EXPECT_EQ(relative_l2<float>(zeros, zeros), 0);
  EXPECT_EQ(relative_l2<float>(ones, zeros), 1);
  EXPECT_NEAR(cosine_similarity<float>(y, x), 21 / (5 * std::sqrt(18.0)), 1e-15);
  EXPECT_EQ(cosine_similarity<float>(zeros, zeros), 1);
  EXPECT_EQ(cosine_similarity<float>(ones, zeros), 0);
  // p = (1/4, 3/4), q = (1/2, 1/2): 3/4 log 3 - log 2.
  const float p[] = {0, std::log(3.0F)};
  EXPECT_NEAR(kl_divergence(zeros, p), 0.75 * std::log(3.0) - std::log(2.0), 1e-7);
  EXPECT_NEAR(kl_divergence(ones, zeros), 0, 1e-15);
}

}  // namespace
}  // namespace parapet::test
