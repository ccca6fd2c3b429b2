// Norm, rotation, the KV cache and attention together, and what must not change their bits.
#include <cmath>

#include "device/attention_harness.h"
#include "device/backends.h"
#include "device/ops.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

// Query heads in groups of 1, 2, 3 and 8; heads narrower than a vector, not a multiple of one, and
// Qwen3's own.
const std::vector<HeadShape> kHeadShapes = {{4, 4, 6}, {2, 1, 20}, {6, 2, 64}, {16, 2, 128}};
// Contexts around the sizes of panels and chunks.
const std::vector<int> kLengths = {1, 7, 16, 17, 63, 64, 65, 150};

std::string describe(const HeadShape& shape, int block_size) {
  return std::to_string(shape.num_heads) + " heads of " + std::to_string(shape.head_dim) + " on " +
         std::to_string(shape.num_kv_heads) + ", blocks of " + std::to_string(block_size);
}

std::vector<Advance> everything(const std::vector<int>& lengths) {
  std::vector<Advance> batch;
  for (std::size_t seq = 0; seq < lengths.size(); ++seq) {
    batch.push_back({static_cast<int>(seq), lengths[seq]});
  }
  return batch;
}

void expect_near(const Floats& actual, const Floats& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    ASSERT_NEAR(actual.values[i], expected.values[i], tolerance) << "element " << i;
  }
}

void expect_same(const Floats& actual, const Floats& expected) {
  EXPECT_TRUE(same_bits(actual.values.data(), expected.values.data(),
                        static_cast<std::int64_t>(expected.values.size())));
}

using AttentionOps = BackendTest;

TEST_P(AttentionOps, RaggedPrefillMatchesTheFormulas) {
  for (const HeadShape& shape : kHeadShapes) {
    for (const int block_size : {1, 5, 16, 32}) {
      SCOPED_TRACE(describe(shape, block_size));
      AttentionHarness harness(device(),
                               {.shape = shape, .block_size = block_size, .lengths = kLengths});
      harness.step(everything(kLengths));
      for (std::size_t seq = 0; seq < kLengths.size(); ++seq) {
        const int s = static_cast<int>(seq);
        // Normed heads have elements below 1.5 * sqrt(head_dim), in practice below 8.
        expect_near(harness.queries(s), harness.expected_queries(s), 8 * kRotateTolerance);
        expect_near(harness.outputs(s), harness.expected_outputs(s), 2 * kAttentionTolerance);
      }
    }
  }
}

TEST_P(AttentionOps, Bfloat16CacheIsNearTheFormulas) {
  for (const int block_size : {5, 16}) {
    const std::vector<int> lengths = {40, 130};
    AttentionHarness harness(device(), {.shape = {4, 2, 64},
                                        .block_size = block_size,
                                        .kv_dtype = DType::kBF16,
                                        .lengths = lengths});
    harness.step(everything(lengths));
    for (const int seq : {0, 1}) {
      expect_near(harness.outputs(seq), harness.expected_outputs(seq), 2 * kBf16AttentionTolerance);
    }
  }
}

// One prefill, chunks and single tokens; alone, among others and on other numbers of threads.
TEST_P(AttentionOps, BitsDependOnTheSequenceAlone) {
  for (const DType kv_dtype : {DType::kF32, DType::kBF16, DType::kI8}) {
    for (const HeadShape& shape :
         {HeadShape{4, 2, 20}, HeadShape{3, 1, 32}, HeadShape{14, 2, 64}}) {
      const AttentionSetup setup{.shape = shape, .kv_dtype = kv_dtype, .lengths = {150, 33}};
      AttentionHarness whole(device(), setup);
      whole.step({{0, 150}});

      AttentionHarness chunks(device(), setup);
      for (const int chunk : {1, 2, 61, 3, 40, 43}) chunks.step({{0, chunk}});

      AttentionHarness tokens(device(), setup);
      for (int t = 0; t < 150; ++t) tokens.step({{0, 1}});

      const auto one_thread = GetParam().device(1);
      AttentionHarness mixed(*one_thread, setup);
      mixed.step({{1, 20}, {0, 70}});
      mixed.step({{0, 79}, {1, 1}});
      mixed.step({{1, 12}, {0, 1}});

      AttentionSetup other_blocks = setup;
      other_blocks.block_size = 7;
      AttentionHarness blocks(device(), other_blocks);
      blocks.step({{1, 3}, {0, 150}});

      for (const AttentionHarness* other : {&chunks, &tokens, &mixed, &blocks}) {
        expect_same(other->queries(0), whole.queries(0));
        expect_same(other->outputs(0), whole.outputs(0));
      }
    }
  }
}

// Memory beyond a sequence's tokens may hold anything, another request's NaN included.
TEST_P(AttentionOps, SlotsBeyondTheContextAreNotRead) {
  const AttentionSetup setup{.shape = {4, 2, 64}, .lengths = {40}};
  AttentionHarness clean(device(), setup);
  clean.step({{0, 17}});

  AttentionHarness dirty(device(), setup);
  Floats qkv(16, 8 * 64, NAN);
  Floats angles(16, 64, 1.0F);
  Floats q(16, 4 * 64);
  Ints slots;
  for (int i = 0; i < 16; ++i) slots.values.push_back(dirty.block(0, 1) * 16 + i);
  device().ops().qk_norm_rope_store_kv(dirty.stream(), qkv.view(), setup.shape, {}, {},
                                       angles.view(), slots.vector(), dirty.cache(), setup.layer,
                                       q.view());
  dirty.step({{0, 17}});
  EXPECT_TRUE(same_bits(dirty.outputs(0).row(0), clean.outputs(0).row(0), 17 * 4 * 64));
}

// Tokens of one tile of rows, which some see and others do not; the second begins a chunk of keys,
// of which the rows before see nothing.
TEST_P(AttentionOps, NotANumberStaysWithThoseWhoSeeIt) {
  constexpr int kTokens = 70;
  for (const DType kv_dtype : {DType::kF32, DType::kBF16}) {
    for (const HeadShape& shape : {HeadShape{4, 2, 20}, HeadShape{14, 2, 64}}) {
      const AttentionSetup setup{.shape = shape, .kv_dtype = kv_dtype, .lengths = {kTokens, 30}};
      AttentionHarness clean(device(), setup);
      clean.step({{0, kTokens}, {1, 30}});
      for (const int spoiled : {19, 64}) {
        AttentionHarness harness(device(), setup);
        harness.spoil(0, spoiled);
        harness.step({{0, kTokens}, {1, 30}});
        expect_same(harness.outputs(1), clean.outputs(1));
        const Floats& outputs = harness.outputs(0);
        EXPECT_TRUE(same_bits(outputs.row(0), clean.outputs(0).row(0), spoiled * outputs.cols));
        for (int token = spoiled; token < kTokens; ++token) {
          ASSERT_TRUE(std::isnan(outputs.row(token)[0])) << "token " << token;
        }
      }
    }
  }
}

TEST_P(AttentionOps, CopiedBlocksReadTheSame) {
  for (const DType kv_dtype : {DType::kF32, DType::kBF16, DType::kI8}) {
    const AttentionSetup setup{
        .shape = {4, 2, 20}, .block_size = 5, .kv_dtype = kv_dtype, .lengths = {23}};
    AttentionHarness harness(device(), setup);
    harness.step({{0, 23}});
    const Floats before = harness.outputs(0);

    Ints pairs{{harness.block(0, 2), harness.spare_block()}};
    device().ops().copy_kv_blocks(harness.stream(), harness.cache(), pairs.matrix(2));
    harness.replace_block(0, 2, harness.spare_block());
    harness.rewind(0, 3);
    harness.step({{0, 3}});
    expect_same(harness.outputs(0), before);
  }
}

// A softmax without its maximum would overflow here, and one over a whole row would need 32768
// scores at once.
TEST_P(AttentionOps, LargeScoresAndLongContexts) {
  constexpr int kContext = 3000;
  const HeadShape shape{2, 1, 8};
  const auto cache = device()
                         .create_kv_cache({.num_layers = 1,
                                           .num_blocks = kContext,
                                           .block_size = 1,
                                           .num_kv_heads = 1,
                                           .head_dim = 8})
                         .value();
  Floats qkv(kContext, 4 * 8, 0.0F);
  Floats angles(kContext, 8, 0.0F);
  Floats q(kContext, 2 * 8);
  Ints slots;
  for (int t = 0; t < kContext; ++t) {
    slots.values.push_back(t);
    std::fill_n(angles.row(t), 4, 1.0F);                        // no rotation
    std::fill_n(qkv.row(t), 2 * 8, 10.0F);                      // queries
    std::fill_n(qkv.row(t) + 16, 8, t == 1000 ? 20.0F : 1.0F);  // key 1000 outshines all
    std::fill_n(qkv.row(t) + 24, 8, static_cast<float>(t));     // values
  }
  ops().qk_norm_rope_store_kv(stream(), qkv.view(), shape, {}, {}, angles.view(), slots.vector(),
                              *cache, 0, q.view());
  Floats out(kContext, 2 * 8, NAN);
  Ints starts{{0, kContext}};
  Ints contexts{{kContext}};
  const BatchView batch{.token_ids = slots.vector(),
                        .positions = slots.vector(),
                        .slot_mapping = slots.vector(),
                        .query_start = starts.vector(),
                        .context_lens = contexts.vector(),
                        .block_tables = slots.matrix(kContext)};
  ops().paged_attention(stream(), q.view(), shape, *cache, 0, batch, 1.0F, out.view());
  synchronize();
  // Equal scores average the values 0 .. t; the sum of 1000 floats loses a few units.
  for (const int t : {0, 1, 63, 64, 999}) ASSERT_NEAR(out.at(t, 3), t / 2.0, 1e-4 * (t + 1));
  for (const int t : {1000, 1001, 2999}) ASSERT_EQ(out.at(t, 15), 1000.0F);
}

TEST_P(AttentionOps, EmptyBatches) {
  const AttentionSetup setup{.shape = {4, 2, 20}, .lengths = {8, 8}};
  AttentionHarness harness(device(), setup);
  harness.step({});
  harness.step({{0, 8}, {1, 0}});
  harness.step({{1, 8}});
  AttentionHarness plain(device(), setup);
  plain.step({{0, 8}, {1, 8}});
  expect_same(harness.outputs(0), plain.outputs(0));
  expect_same(harness.outputs(1), plain.outputs(1));
}

TEST_P(AttentionOps, CacheSpecificationsThatNoDeviceCanHonour) {
  const KvCacheSpec good{
      .num_layers = 1, .num_blocks = 2, .block_size = 16, .num_kv_heads = 2, .head_dim = 8};
  const auto refuse = [&](auto change, ErrorCode code, const char* field) {
    KvCacheSpec spec = good;
    change(spec);
    const auto cache = device().create_kv_cache(spec);
    ASSERT_FALSE(cache.ok()) << field;
    EXPECT_EQ(cache.error().code, code) << cache.error().message;
    EXPECT_NE(cache.error().message.find(field), std::string::npos) << cache.error().message;
  };
  using enum ErrorCode;
  ASSERT_TRUE(device().create_kv_cache(good).ok());
  refuse([](KvCacheSpec& spec) { spec.num_layers = 0; }, kInvalidArgument, "num_layers");
  refuse([](KvCacheSpec& spec) { spec.block_size = 0; }, kInvalidArgument, "block_size");
  refuse([](KvCacheSpec& spec) { spec.num_kv_heads = -1; }, kInvalidArgument, "num_kv_heads");
  refuse([](KvCacheSpec& spec) { spec.head_dim = 7; }, kInvalidArgument, "head_dim");
  refuse([](KvCacheSpec& spec) { spec.dtype = DType::kF16; }, kUnsupported, "float16");
  refuse([](KvCacheSpec& spec) { spec.dtype = DType::kI32; }, kUnsupported, "int32");
  refuse([](KvCacheSpec& spec) { spec.num_blocks = 1 << 30; }, kInvalidArgument, "slot");
  refuse([](KvCacheSpec& spec) { spec.num_layers = spec.head_dim = 1 << 30; }, kResourceExhausted,
         "KV cache");
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionOps, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
