#include "precision/probe_steps.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

// A step's integers on the host.
struct StepIntegers {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> query_start{0};
  std::vector<std::int32_t> context_lens;
  std::vector<std::int32_t> block_tables;  // [pieces, max_blocks]
  int max_query_len = 0;
  int max_context_len = 0;
};

StepIntegers integers_of(std::span<const ProbePiece> pieces,
                         std::span<const std::vector<TokenId>> ids,
                         std::span<const std::vector<std::int32_t>> block_tables,
                         std::int64_t block_size) {
  std::size_t max_blocks = 1;
  for (const ProbePiece& piece : pieces) {
    max_blocks = std::max(max_blocks, block_tables[piece.prompt].size());
  }
  StepIntegers step;
  for (const ProbePiece& piece : pieces) {
    const auto& table = block_tables[piece.prompt];
    for (std::int64_t position = piece.begin; position < piece.end; ++position) {
      step.token_ids.push_back(ids[piece.prompt][static_cast<std::size_t>(position)]);
      step.positions.push_back(static_cast<std::int32_t>(position));
      const std::int64_t block = table[static_cast<std::size_t>(position / block_size)];
      step.slots.push_back(static_cast<std::int32_t>(block * block_size + position % block_size));
    }
    step.query_start.push_back(static_cast<std::int32_t>(step.token_ids.size()));
    step.context_lens.push_back(static_cast<std::int32_t>(piece.end));
    step.block_tables.insert(step.block_tables.end(), table.begin(), table.end());
    step.block_tables.resize(step.context_lens.size() * max_blocks);
    step.max_query_len = std::max(step.max_query_len, static_cast<int>(piece.end - piece.begin));
    step.max_context_len = std::max(step.max_context_len, static_cast<int>(piece.end));
  }
  return step;
}

}  // namespace

Result<ProbeSteps> ProbeSteps::create(Device& device, Qwen3Model& model, std::int64_t num_blocks,
                                      int block_size, DType kv_cache_dtype) {
  ProbeSteps steps(device, model);
  PARAPET_ASSIGN(steps.stream_, device.create_stream());
  PARAPET_ASSIGN(steps.cache_, device.create_kv_cache(model.kv_cache_spec(
                                   static_cast<int>(num_blocks), block_size, kv_cache_dtype)));
  return steps;
}

// The last dimension is what `rows` leaves over; 0: there is one dimension.
Result<TensorView> ProbeSteps::upload(const std::vector<std::int32_t>& host, std::int64_t rows) {
  const std::size_t bytes = host.size() * sizeof(std::int32_t);
  PARAPET_ASSIGN(std::unique_ptr<Buffer> buffer, device_->allocate(bytes));
  void* const data = buffer->data();
  stream_->copy_to_device(data, host.data(), bytes);
  PARAPET_TRY(stream_->synchronize());
  inputs_.push_back(std::move(buffer));
  if (rows == 0) return TensorView(data, DType::kI32, {std::ssize(host)});
  return TensorView(data, DType::kI32, {rows, std::ssize(host) / rows});
}

Status ProbeSteps::forward(std::span<const ProbePiece> pieces,
                           std::span<const std::vector<TokenId>> ids,
                           std::span<const std::vector<std::int32_t>> block_tables) {
  const StepIntegers step = integers_of(pieces, ids, block_tables, block_size());
  inputs_.clear();
  BatchView batch;
  PARAPET_ASSIGN(batch.token_ids, upload(step.token_ids, 0));
  PARAPET_ASSIGN(batch.positions, upload(step.positions, 0));
  PARAPET_ASSIGN(batch.slot_mapping, upload(step.slots, 0));
  PARAPET_ASSIGN(batch.query_start, upload(step.query_start, 0));
  PARAPET_ASSIGN(batch.context_lens, upload(step.context_lens, 0));
  PARAPET_ASSIGN(batch.block_tables, upload(step.block_tables, std::ssize(pieces)));
  batch.max_query_len = step.max_query_len;
  batch.max_context_len = step.max_context_len;
  model_->forward(*stream_, batch, *cache_);
  return stream_->synchronize();
}

Result<std::vector<float>> ProbeSteps::logits(std::span<const std::int32_t> rows) {
  PARAPET_CHECK(std::ssize(rows) <= model_->limits().max_num_logit_rows);
  PARAPET_ASSIGN(const TensorView view, upload({rows.begin(), rows.end()}, 0));
  const TensorView device = model_->logits(*stream_, view);
  std::vector<float> host(static_cast<std::size_t>(device.size()));
  stream_->copy_to_host(host.data(), device.data(), device.bytes());
  PARAPET_TRY(stream_->synchronize());
  return host;
}

}  // namespace parapet
