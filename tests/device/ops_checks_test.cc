// What the public methods of Ops refuse before any backend sees it.
#include <functional>

#include "device/ops.h"
#include "device/reference/reference_device.h"
#include "device/test_tensor.h"

namespace parapet::test {
namespace {

class OpsChecks : public testing::Test {
 protected:
  // Runs a call that must be refused, and expects these words.
  static void refuse(const std::function<void()>& call, const std::string& words) {
    try {
      call();
    } catch (const InternalError& error) {
      EXPECT_EQ(std::string(error.what()), words);
      return;
    }
    ADD_FAILURE() << "accepted; expected: " << words;
  }

  std::unique_ptr<LinearWeight> linear(std::int64_t out, std::int64_t in) {
    weights_.assign(static_cast<std::size_t>(out * in), 0.0F);
    const TensorView part(weights_.data(), DType::kF32, {out, in});
    return device_->load_linear({&part, 1}).value();
  }

  std::unique_ptr<Device> device_ = create_reference_device();
  std::unique_ptr<Stream> stream_ = device_->create_stream().value();
  Ops& ops_ = device_->ops();
  std::vector<float> weights_;
  Floats x_{3, 4};
  Ints ids_{{0, 0, 0}};
};

TEST_F(OpsChecks, Types) {
  refuse([&] { ops_.gather_rows(*stream_, x_.view(), x_.view(), x_.view()); },
         "gather_rows: rows is float32, expected int32");
  const auto embedding = linear(3, 4);
  refuse([&] { ops_.embed(*stream_, x_.view(), *embedding, x_.view()); },
         "embed: token_ids is float32, expected int32");
  std::int8_t bytes[12] = {};
  const TensorView table(bytes, DType::kI8, {3, 4});
  const auto linear = device_->load_linear({&table, 1});
  ASSERT_FALSE(linear.ok());
  EXPECT_EQ(linear.error().message,
            "a linear weight must be a float matrix [out, in]; found int8 of rank 2");
}

TEST_F(OpsChecks, Shapes) {
  const auto weight = linear(6, 5);
  refuse([&] { ops_.linear_add(*stream_, x_.view(), *weight, x_.view()); },
         "linear_add: x is [3, 4], expected [*, 5]");
  refuse([&] { ops_.argmax(*stream_, x_.view(), x_.view().first(2)); },
         "argmax: ids is float32, expected int32");
  refuse([&] { ops_.argmax(*stream_, x_.view().first(2), ids_.vector()); },
         "argmax: ids is [3], expected [2]");
  const auto odd = linear(5, 4);
  refuse([&] { ops_.norm_gate_up_silu(*stream_, x_.view(), {}, *odd, x_.view()); },
         "norm_gate_up_silu: gate_up has an odd number of rows: 5");
}

TEST_F(OpsChecks, NullData) {
  const TensorView nowhere(nullptr, DType::kF32, {3, 4});
  refuse([&] { ops_.gather_rows(*stream_, nowhere, ids_.vector(), x_.view()); },
         "gather_rows: x has no data");
}

TEST_F(OpsChecks, Norms) {
  const auto weight = linear(4, 4);
  Floats scale(1, 3, 1.0F);
  refuse(
      [&] {
        ops_.norm_linear(*stream_, x_.view(), {{scale.row(0), DType::kF32, {3}}}, *weight,
                         x_.view());
      },
      "norm_linear: norm is [3], expected [4]");
}

TEST_F(OpsChecks, HeadsLayersAndBatches) {
  const KvCacheSpec spec{
      .num_layers = 2, .num_blocks = 4, .block_size = 4, .num_kv_heads = 2, .head_dim = 2};
  const auto cache = device_->create_kv_cache(spec).value();
  Ints starts{{0, 3}};
  Ints lens{{3}};
  Ints table{{0, 1}};
  BatchView batch{.token_ids = ids_.vector(),
                  .positions = ids_.vector(),
                  .slot_mapping = ids_.vector(),
                  .query_start = starts.vector(),
                  .context_lens = lens.vector(),
                  .block_tables = table.matrix(2),
                  .max_query_len = 3,
                  .max_context_len = 3};
  const auto attend = [&](const HeadShape& shape, int layer, float scale = 1.0F) {
    ops_.paged_attention(*stream_, x_.view(), shape, *cache, layer, batch, scale, x_.view());
  };
  refuse([&] { attend({3, 2, 2}, 0); }, "paged_attention: 3 heads do not share 2 KV heads evenly");
  refuse([&] { attend({2, 2, 3}, 0); }, "paged_attention: head_dim 3 is not positive and even");
  refuse(
      [&] {
        attend({2, 1, 2}, 0);
      },
      "paged_attention: the KV cache holds 2 heads of 2, expected 1 of 2");
  refuse([&] { attend({2, 2, 2}, 2); }, "paged_attention: layer 2 of a KV cache of 2");
  refuse([&] { attend({2, 2, 2}, 0, 0.0F); }, "paged_attention: scale is not positive");
  batch.max_context_len = 9;
  refuse(
      [&] {
        attend({2, 2, 2}, 0);
      },
      "paged_attention: batch.max_context_len 9 exceeds 2 blocks of 4");

  Ints tail_start{{3}};
  batch.tail_start = tail_start.vector();
  refuse(
      [&] {
        attend({2, 2, 2}, 0);
      },
      "paged_attention: batch has only one of tail_start and tail_slots");
  batch.tail_slots = ids_.matrix(1);
  refuse(
      [&] {
        attend({2, 2, 2}, 0);
      },
      "paged_attention: batch.tail_slots is [3, 1], expected [1, *]");
  batch.tail_slots = ids_.matrix(3);
  batch.tail_start = ids_.vector();
  refuse([&] { attend({2, 2, 2}, 0); }, "paged_attention: batch.tail_start is [3], expected [1]");
  batch.tail_start = tail_start.vector();
  batch.max_context_len = 12;
  refuse(
      [&] {
        attend({2, 2, 2}, 0);
      },
      "paged_attention: batch.max_context_len 12 exceeds 2 blocks of 4 and 3 tail slots");
}

// Values are checked where they are read; the stream tells.
TEST_F(OpsChecks, BatchesThatLeaveTheCache) {
  const KvCacheSpec spec{
      .num_layers = 1, .num_blocks = 4, .block_size = 4, .num_kv_heads = 2, .head_dim = 2};
  const auto cache = device_->create_kv_cache(spec).value();
  const auto run = [&](std::vector<std::int32_t> starts, int context, std::int32_t block) {
    Ints start_values{std::move(starts)};
    Ints lens{{context}};
    Ints table{{0, block}};
    const BatchView batch{.token_ids = ids_.vector(),
                          .positions = ids_.vector(),
                          .slot_mapping = ids_.vector(),
                          .query_start = start_values.vector(),
                          .context_lens = lens.vector(),
                          .block_tables = table.matrix(2)};
    ops_.paged_attention(*stream_, x_.view(), {2, 2, 2}, *cache, 0, batch, 1.0F, x_.view());
    return stream_->synchronize();
  };
  EXPECT_TRUE(run({0, 3}, 8, 3).ok());
  EXPECT_EQ(run({0, 3}, 8, 4).error().message,
            "batch: sequence 0: a block id is outside the cache");
  EXPECT_EQ(run({0, 3}, 9, 3).error().message,
            "batch: sequence 0: context_lens exceeds the block table");
  EXPECT_EQ(run({0, 3}, 2, 3).error().message,
            "batch: sequence 0: context_lens is less than its query tokens");
  EXPECT_FALSE(run({0, 2}, 8, 3).ok());
}

TEST_F(OpsChecks, TailsThatLeaveTheCache) {
  const KvCacheSpec spec{
      .num_layers = 1, .num_blocks = 4, .block_size = 4, .num_kv_heads = 2, .head_dim = 2};
  const auto cache = device_->create_kv_cache(spec).value();
  const auto run = [&](int context, int start, std::vector<std::int32_t> slots) {
    Ints starts{{0, 3}};
    Ints lens{{context}};
    Ints table{{0, 3}};
    Ints tail_start{{start}};
    Ints tail_slots{std::move(slots)};
    const BatchView batch{.token_ids = ids_.vector(),
                          .positions = ids_.vector(),
                          .slot_mapping = ids_.vector(),
                          .query_start = starts.vector(),
                          .context_lens = lens.vector(),
                          .block_tables = table.matrix(2),
                          .tail_start = tail_start.vector(),
                          .tail_slots = tail_slots.matrix(std::ssize(tail_slots.values))};
    ops_.paged_attention(*stream_, x_.view(), {2, 2, 2}, *cache, 0, batch, 1.0F, x_.view());
    const Status status = stream_->synchronize();
    return status.ok() ? "" : status.error().message;
  };
  EXPECT_EQ(run(10, 8, {15, 0}), "");
  EXPECT_EQ(run(8, 8, {-1}), "");  // not used
  EXPECT_EQ(run(8, -1, {0}), "batch: sequence 0: tail_start is outside the context");
  EXPECT_EQ(run(8, 9, {0}), "batch: sequence 0: tail_start is outside the context");
  EXPECT_EQ(run(10, 9, {0}), "batch: sequence 0: tail_start exceeds the block table");
  EXPECT_EQ(run(10, 8, {0}), "batch: sequence 0: its tail exceeds tail_slots");
  EXPECT_EQ(run(10, 8, {0, 16}), "batch: sequence 0: a tail slot is outside the cache");
  EXPECT_EQ(run(10, 8, {-1, 0}), "batch: sequence 0: a tail slot is outside the cache");
}

}  // namespace
}  // namespace parapet::test
