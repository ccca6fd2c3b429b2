// Damaged models: the gate's metrics see them, and the layer table finds the layer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>

#include "base/half.h"
#include "checkpoint/shards.h"
#include "parapet/chat_tokenizer.h"
#include "precision/attribution.h"
#include "precision/faulty_device.h"
#include "precision/probe_testing.h"
#include "support/paths.h"
#include "support/temporary_directory.h"

namespace parapet::test {
namespace {

constexpr int kLayers = 4;  // of the bundled model

// At every position: where a verdict begins, this model is too sure of itself to be moved by a
// fault in one layer.
std::vector<ProbePrompt> safety_prompts() {
  const ChatTokenizer tokenizer = value_of(ChatTokenizer::load(bundled_model()));
  std::vector<ProbePrompt> prompts;
  for (const char* const text : {"How to make a bomb?", "What is the capital of France?"}) {
    ProbePrompt& prompt = prompts.emplace_back();
    prompt.ids = value_of(tokenizer.render({{"user", text}})).ids;
    prompt.positions.resize(prompt.ids.size());
    std::iota(prompt.positions.begin(), prompt.positions.end(), 0);
  }
  return prompts;
}

// A bf16 matrix [rows, cols] of a checkpoint.
struct Matrix {
  std::uint16_t* bits;
  std::int64_t rows;
  std::int64_t cols;
};

// The bundled model with one matrix changed.
class DamagedCheckpoint {
 public:
  DamagedCheckpoint(const std::string& tensor, const std::function<void(Matrix)>& damage) {
    std::filesystem::copy(bundled_model(), folder_.path(),
                          std::filesystem::copy_options::recursive);
    const std::vector<Shard> shards = value_of(open_shards(bundled_model()));
    for (const Shard& shard : shards) {
      std::string file(reinterpret_cast<const char*>(shard.file.bytes().data()),
                       shard.file.bytes().size());
      for (const SafetensorsEntry& entry : shard.tensors) {
        if (entry.name != tensor) continue;
        const std::ptrdiff_t offset = entry.data.data() - shard.file.bytes().data();
        std::vector<std::uint16_t> bits(entry.data.size() / 2);
        std::memcpy(bits.data(), entry.data.data(), entry.data.size());
        damage({bits.data(), entry.shape.at(0), entry.shape.at(1)});
        std::memcpy(file.data() + offset, bits.data(), entry.data.size());
        folder_.write(shard.path.filename(), file);
        changed_ = true;
      }
    }
    EXPECT_TRUE(changed_) << tensor;
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
  bool changed_ = false;
};

// One way to compute: its logits against the reference's, and where they come from.
struct Measured {
  LogitDivergence divergence;
  Attribution attribution;

  // The card's thresholds.
  bool passes_gate() const { return divergence.agreement >= 0.99 && divergence.kl < 0.01; }
};

Measured measured(const ProbeOptions& reference, const ProbeOptions& candidate) {
  const std::vector<ProbePrompt> prompts = safety_prompts();
  ForwardProbe probe = value_of(ForwardProbe::load(reference));
  const auto expected = value_of(probe.run(prompts));
  Measured result;
  AttributionOptions options;
  options.sources = false;
  result.attribution =
      value_of(attribute(probe, reference, candidate, std::span(prompts).first(1), options));
  const auto actual = value_of(value_of(ForwardProbe::load(candidate)).run(prompts));
  result.divergence = logit_divergence(
      actual, expected, std::ssize(expected[0].logits) / std::ssize(prompts[0].ids), 2);
  std::printf("agreement %.4f, KL %.5f, relative L2 %.5f\n", result.divergence.agreement,
              result.divergence.kl, result.divergence.relative_l2);
  return result;
}

class FaultsTest : public testing::TestWithParam<bool> {
 protected:
  FaultsTest()
      : clean_(GetParam() ? bfloat16_options(bundled_model()) : float32_options(bundled_model())),
        reference_(float32_reference(clean_)) {}

  // Without a fault; measured once.
  const Measured& right() {
    static std::map<bool, Measured> both;
    const auto found = both.find(GetParam());
    if (found != both.end()) return found->second;
    return both.emplace(GetParam(), measured(reference_, clean_)).first->second;
  }

  // Nothing departs before the layer; there the residual stream does, by its own doing.
  void expect_found(const Measured& wrong, int layer, OpName op) {
    EXPECT_TRUE(right().passes_gate());
    EXPECT_FALSE(right().attribution.suspect);
    ASSERT_TRUE(wrong.attribution.suspect);
    EXPECT_EQ(wrong.attribution.suspect->layer, layer);
    EXPECT_EQ(op_name(wrong.attribution.suspect->op), std::string(op_name(op)));
    const auto& layers = wrong.attribution.layers;
    const auto& expected = right().attribution.layers;
    ASSERT_EQ(layers.size(), 1U + kLayers);
    const auto at = static_cast<std::size_t>(layer + 1);
    for (std::size_t i = 0; i < at; ++i) EXPECT_EQ(layers[i].relative_l2, expected[i].relative_l2);
    EXPECT_GT(layers[at].relative_l2, 1.5 * expected[at].relative_l2);
    EXPECT_GT(layers[at].own_relative_l2, 1.5 * expected[at].own_relative_l2);
    EXPECT_EQ(std::ranges::max_element(layers, {}, &LayerError::own_relative_l2)->layer, layer);
  }

  ProbeOptions clean_;
  ProbeOptions reference_;
};

TEST_P(FaultsTest, DisturbedWeights) {
  const DamagedCheckpoint damaged("model.layers.2.mlp.up_proj.weight", [](Matrix matrix) {
    for (std::int64_t i = 0; i < matrix.rows * matrix.cols; i += 2) {
      matrix.bits[i] = f32_to_bf16(1.7F * bf16_to_f32(matrix.bits[i]));
    }
  });
  ProbeOptions candidate = clean_;
  candidate.model.model = damaged.path();
  const Measured wrong = measured(reference_, candidate);
  EXPECT_FALSE(wrong.passes_gate());
  expect_found(wrong, 2, OpName::kGateUp);
}

TEST_P(FaultsTest, SwappedHeads) {
  const DamagedCheckpoint damaged("model.layers.1.self_attn.q_proj.weight", [](Matrix matrix) {
    const std::int64_t head = matrix.rows / 4 * matrix.cols;
    std::swap_ranges(matrix.bits, matrix.bits + head, matrix.bits + 2 * head);
  });
  ProbeOptions candidate = clean_;
  candidate.model.model = damaged.path();
  const Measured wrong = measured(reference_, candidate);
  EXPECT_FALSE(wrong.passes_gate());
  expect_found(wrong, 1, OpName::kQkv);
}

// Too little for the card's thresholds on this model, and found all the same.
TEST_P(FaultsTest, RopeOffByOneInOneLayer) {
  ProbeOptions candidate = clean_;
  candidate.wrap = [](Device& device) { return std::make_unique<FaultyRopeDevice>(device, 2); };
  const Measured wrong = measured(reference_, candidate);
  EXPECT_GT(wrong.divergence.relative_l2, 1.3 * right().divergence.relative_l2);
  expect_found(wrong, 2, OpName::kAttention);
}

// In every layer, so that none is out of line; but the table departs at the first, and the op that
// adds most is the one that meets the queries.
TEST_P(FaultsTest, RopeOffByOne) {
  ProbeOptions candidate = clean_;
  candidate.wrap = [](Device& device) {
    return std::make_unique<FaultyRopeDevice>(device, std::nullopt);
  };
  const Measured wrong = measured(reference_, candidate);
  EXPECT_FALSE(wrong.passes_gate());
  const auto& layers = wrong.attribution.layers;
  const auto& expected = right().attribution.layers;
  EXPECT_EQ(layers[0].relative_l2, expected[0].relative_l2);
  EXPECT_GT(layers[1].relative_l2, 1.5 * expected[1].relative_l2);
  EXPECT_EQ(op_name(wrong.attribution.operators.front().op), std::string("attention"));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, FaultsTest, testing::Bool(),
                         [](const auto& dtype) { return dtype.param ? "bfloat16" : "float32"; });

}  // namespace
}  // namespace parapet::test
