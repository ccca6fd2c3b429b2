#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "bench/kernel_case.h"
#include "bench/verdict_workload.h"

namespace parapet {
namespace {

constexpr std::int64_t kBlockSize = 16;
constexpr std::int64_t kMaxLayers = 160;
constexpr std::int64_t kStoreRows = 256;  // stored at once

std::int32_t narrow(std::int64_t value) { return static_cast<std::int32_t>(value); }

std::int64_t blocks_of(std::int64_t tokens) { return (tokens + kBlockSize - 1) / kBlockSize; }

HeadShape heads_of(const ModelConfig& config) {
  return {.num_heads = narrow(config.num_attention_heads),
          .num_kv_heads = narrow(config.num_key_value_heads),
          .head_dim = narrow(config.head_dim)};
}

// A cache of so many layers that no layer is still in the processor's caches at its next turn.
Result<std::unique_ptr<KvCache>> make_cache(Device& device, const ModelConfig& config,
                                            DType kv_dtype, std::int64_t tokens) {
  const std::int64_t token_bytes = config.kv_bytes_per_token(kv_dtype) / config.num_hidden_layers;
  const std::int64_t layers =
      std::clamp<std::int64_t>(kMoreThanCaches / (tokens * token_bytes) + 1, 2, kMaxLayers);
  return device.create_kv_cache({.num_layers = narrow(layers),
                                 .num_blocks = narrow(blocks_of(tokens)),
                                 .block_size = narrow(kBlockSize),
                                 .num_kv_heads = narrow(config.num_key_value_heads),
                                 .head_dim = narrow(config.head_dim),
                                 .dtype = kv_dtype});
}

// Projections of random tokens, and where their keys and values go.
class Projections {
 public:
  Projections(const ModelConfig& config, std::int64_t rows)
      : heads_(heads_of(config)),
        qkv_features_((heads_.num_heads + 2 * heads_.num_kv_heads) * config.head_dim),
        q_features_(config.num_attention_heads * config.head_dim),
        qkv_(random_floats(rows * qkv_features_, 3)),
        angles_(random_floats(rows * config.head_dim, 4)),
        norm_scale_(random_floats(config.head_dim, 5)),
        slots_(static_cast<std::size_t>(rows)),
        q_(static_cast<std::size_t>(rows * q_features_)) {}

  std::vector<std::int32_t>& slots() { return slots_; }
  void store(Stream& stream, Ops& ops, KvCache& cache, int layer, std::int64_t rows) {
    const std::int64_t head_dim = heads_.head_dim;
    const Norm norm{.scale = TensorView(norm_scale_.data(), DType::kF32, {head_dim})};
    ops.qk_norm_rope_store_kv(stream, {qkv_.data(), DType::kF32, {rows, qkv_features_}}, heads_,
                              norm, norm, {angles_.data(), DType::kF32, {rows, head_dim}},
                              {slots_.data(), DType::kI32, {rows}}, cache, layer,
                              {q_.data(), DType::kF32, {rows, q_features_}});
  }

 private:
  HeadShape heads_;
  std::int64_t qkv_features_;
  std::int64_t q_features_;
  std::vector<float> qkv_;
  std::vector<float> angles_;
  std::vector<float> norm_scale_;
  std::vector<std::int32_t> slots_;
  std::vector<float> q_;
};

Status fill_cache(Device& device, const ModelConfig& config, KvCache& cache) {
  PARAPET_ASSIGN(const auto stream, device.create_stream());
  const std::int64_t tokens = std::int64_t{cache.spec().num_blocks} * kBlockSize;
  Projections projections(config, std::min(kStoreRows, tokens));
  for (int layer = 0; layer < cache.spec().num_layers; ++layer) {
    for (std::int64_t first = 0; first < tokens; first += kStoreRows) {
      const std::int64_t rows = std::min(kStoreRows, tokens - first);
      for (std::int64_t i = 0; i < rows; ++i) {
        projections.slots()[static_cast<std::size_t>(i)] = narrow(first + i);
      }
      projections.store(*stream, device.ops(), cache, layer, rows);
      PARAPET_TRY(stream->synchronize());
    }
  }
  return {};
}

// The index tensors of a step. Block b of sequence s is sequence_blocks * s + b.
struct StepTensors {
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> starts = {0};
  std::vector<std::int32_t> contexts;
  std::vector<std::int32_t> tables;  // [sequences, blocks]
  std::vector<std::int32_t> tail_starts;
  std::vector<std::int32_t> tails;  // [sequences, max_tail]; empty where there are none
  std::int64_t max_query = 0;

  // `queries` tokens at the end of `context`, whose blocks begin at `first_block`.
  void add(std::int64_t queries, std::int64_t context, std::int64_t first_block) {
    for (std::int64_t t = context - queries; t < context; ++t) {
      positions.push_back(narrow(t));
      slots.push_back(narrow(first_block * kBlockSize + t));
    }
    starts.push_back(starts.back() + narrow(queries));
    contexts.push_back(narrow(context));
    for (std::int64_t b = 0; b < blocks_of(context); ++b) tables.push_back(narrow(first_block + b));
    max_query = std::max(max_query, queries);
  }

  BatchView view() {
    const auto tokens = std::ssize(positions);
    const auto sequences = std::ssize(contexts);
    const auto ints = [](std::vector<std::int32_t>& of, std::initializer_list<std::int64_t> shape) {
      return TensorView(of.data(), DType::kI32, shape);
    };
    BatchView batch{.token_ids = ints(positions, {tokens}),
                    .positions = ints(positions, {tokens}),
                    .slot_mapping = ints(slots, {tokens}),
                    .query_start = ints(starts, {sequences + 1}),
                    .context_lens = ints(contexts, {sequences}),
                    .block_tables = ints(tables, {sequences, std::ssize(tables) / sequences}),
                    .max_query_len = narrow(max_query),
                    .max_context_len = *std::ranges::max_element(contexts)};
    if (!tails.empty()) {
      batch.tail_start = ints(tail_starts, {sequences});
      batch.tail_slots = ints(tails, {sequences, std::ssize(tails) / sequences});
    }
    return batch;
  }
};

class AttentionCase final : public KernelCase {
 public:
  AttentionCase(Label label, KernelCost cost, Device& device, const ModelConfig& config,
                std::unique_ptr<KvCache> cache, StepTensors step)
      : KernelCase(std::move(label), cost),
        ops_(device.ops()),
        heads_(heads_of(config)),
        cache_(std::move(cache)),
        step_(std::move(step)),
        batch_(step_.view()) {
    const std::int64_t rows = batch_.num_tokens();
    const std::int64_t features = config.num_attention_heads * config.head_dim;
    q_ = random_floats(rows * features, 6);
    out_.resize(q_.size());
    q_view_ = TensorView(q_.data(), DType::kF32, {rows, features});
    out_view_ = TensorView(out_.data(), DType::kF32, {rows, features});
    scale_ = 1 / std::sqrt(static_cast<float>(config.head_dim));
  }

  void run(Stream& stream) override {
    ops_.paged_attention(stream, q_view_, heads_, *cache_, layer_, batch_, scale_, out_view_);
    layer_ = (layer_ + 1) % cache_->spec().num_layers;
  }

 private:
  Ops& ops_;
  HeadShape heads_;
  std::unique_ptr<KvCache> cache_;
  StepTensors step_;
  BatchView batch_;
  std::vector<float> q_;
  std::vector<float> out_;
  TensorView q_view_;
  TensorView out_view_;
  float scale_ = 0;
  int layer_ = 0;
};

class RestCase final : public KernelCase {
 public:
  RestCase(Label label, KernelCost cost, Device& device, const ModelConfig& config,
           std::unique_ptr<KvCache> cache, std::int64_t rows, std::int64_t copies)
      : KernelCase(std::move(label), cost),
        ops_(device.ops()),
        cache_(std::move(cache)),
        rows_(rows) {
    for (std::int64_t i = 0; i < copies; ++i) {
      projections_.emplace_back(config, rows);
      for (std::int64_t t = 0; t < rows; ++t) {
        projections_.back().slots()[static_cast<std::size_t>(t)] = narrow(t);
      }
    }
  }

  void run(Stream& stream) override {
    projections_[turn_++ % projections_.size()].store(stream, ops_, *cache_, layer_, rows_);
    layer_ = (layer_ + 1) % cache_->spec().num_layers;
  }

 private:
  Ops& ops_;
  std::unique_ptr<KvCache> cache_;
  std::int64_t rows_;
  std::vector<Projections> projections_;
  std::size_t turn_ = 0;
  int layer_ = 0;
};

Result<std::unique_ptr<KernelCase>> make(KernelCase::Label label, KernelCost cost, Device& device,
                                         const ModelConfig& config, DType kv_dtype,
                                         std::int64_t tokens, StepTensors step) {
  label.format = dtype_name(kv_dtype);
  PARAPET_ASSIGN(std::unique_ptr<KvCache> cache, make_cache(device, config, kv_dtype, tokens));
  PARAPET_TRY(fill_cache(device, config, *cache));
  return std::unique_ptr<KernelCase>(std::make_unique<AttentionCase>(
      std::move(label), cost, device, config, std::move(cache), std::move(step)));
}

}  // namespace

Result<std::unique_ptr<KernelCase>> prefill_attention_case(Device& device,
                                                           const ModelConfig& config,
                                                           DType kv_dtype, std::int64_t queries,
                                                           std::int64_t context) {
  StepTensors step;
  step.add(queries, context, 0);
  return make({"attention prefill", "", queries, context},
              attention_cost(config, queries, context, kv_dtype), device, config, kv_dtype, context,
              std::move(step));
}

Result<std::unique_ptr<KernelCase>> decode_attention_case(Device& device, const ModelConfig& config,
                                                          DType kv_dtype, std::int64_t sequences,
                                                          std::int64_t context) {
  StepTensors step;
  for (std::int64_t s = 0; s < sequences; ++s) step.add(1, context, s * blocks_of(context));
  KernelCost cost = attention_cost(config, 1, context, kv_dtype);
  cost.ops *= static_cast<double>(sequences);
  cost.bytes *= static_cast<double>(sequences);
  return make({"attention decode", "", sequences, context}, cost, device, config, kv_dtype,
              sequences * blocks_of(context) * kBlockSize, std::move(step));
}

Result<std::unique_ptr<KernelCase>> tree_attention_case(Device& device, const ModelConfig& config,
                                                        DType kv_dtype, std::int64_t context) {
  constexpr auto& kBranches = VerdictWorkload::kCategoryTokens;
  const auto longest = static_cast<std::int64_t>(std::ranges::max(kBranches));
  StepTensors step;
  KernelCost cost;
  std::int64_t rows = 0;
  for (const std::size_t branch : kBranches) {
    const auto tokens = static_cast<std::int64_t>(branch);
    const std::int64_t first_slot = blocks_of(context) * kBlockSize + rows;
    step.add(tokens, context + tokens, 0);
    step.tables.resize(step.contexts.size() * static_cast<std::size_t>(blocks_of(context)));
    step.tail_starts.push_back(narrow(context));
    for (std::int64_t i = 0; i < longest; ++i) step.tails.push_back(narrow(first_slot + i));
    const std::size_t first_row = step.slots.size() - branch;
    for (std::int64_t i = 0; i < tokens; ++i) {
      step.slots[first_row + static_cast<std::size_t>(i)] = narrow(first_slot + i);
    }
    cost.ops += attention_cost(config, tokens, context + tokens, kv_dtype).ops;
    rows += tokens;
  }
  // The trunk once, whatever the number of branches.
  cost.bytes = attention_cost(config, 1, context + rows, kv_dtype).bytes;
  const std::int64_t tokens = blocks_of(context) * kBlockSize + rows + longest;
  return make({"attention tree", "", rows, context}, cost, device, config, kv_dtype, tokens,
              std::move(step));
}

Result<std::unique_ptr<KernelCase>> rest_case(Device& device, const ModelConfig& config,
                                              DType kv_dtype, std::int64_t rows) {
  const std::int64_t heads = config.num_attention_heads + 2 * config.num_key_value_heads;
  const std::int64_t row_bytes = heads * config.head_dim * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t copies =
      std::clamp<std::int64_t>(kMoreThanCaches / (rows * row_bytes) + 1, 2, 256);
  PARAPET_ASSIGN(std::unique_ptr<KvCache> cache, make_cache(device, config, kv_dtype, rows));
  // What comes from memory is the projection; queries, keys and values stay in cache.
  const KernelCost cost{.ops = 0, .bytes = static_cast<double>(rows * row_bytes)};
  return std::unique_ptr<KernelCase>(
      std::make_unique<RestCase>(KernelCase::Label{"rest", dtype_name(kv_dtype), rows, 0}, cost,
                                 device, config, std::move(cache), rows, copies));
}

}  // namespace parapet
