#include "model/model_harness.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace parapet::test {
namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

void require(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

}  // namespace

ModelHarness::ModelHarness(Device& device, const ModelConfig& config, Weights weights,
                           std::size_t num_sequences, std::int64_t max_len, DType kv_dtype)
    : device_(device),
      num_sequences_(static_cast<std::int64_t>(num_sequences)),
      blocks_per_sequence_((max_len + kBlockSize - 1) / kBlockSize),
      model_(value_of(Qwen3Model::load(device, config, std::move(weights),
                                       {.max_num_tokens = num_sequences_ * max_len,
                                        .max_num_logit_rows = num_sequences_ * max_len}))),
      stream_(value_of(device.create_stream())),
      cache_(value_of(device.create_kv_cache(model_.kv_cache_spec(
          static_cast<int>(num_sequences_ * blocks_per_sequence_), kBlockSize, kv_dtype)))) {}

// Blocks of different sequences alternate, and a sequence's own run backwards.
std::int32_t ModelHarness::block(std::size_t sequence, std::int64_t index) const {
  const std::int64_t from_end = blocks_per_sequence_ - 1 - index;
  return static_cast<std::int32_t>(from_end * num_sequences_ + static_cast<std::int64_t>(sequence));
}

TensorView ModelHarness::upload(const std::vector<std::int32_t>& host) {
  inputs_.push_back(value_of(device_.allocate(host.size() * sizeof(std::int32_t))));
  stream_->copy_to_device(inputs_.back()->data(), host.data(), host.size() * sizeof(std::int32_t));
  require(stream_->synchronize());
  return {inputs_.back()->data(), DType::kI32, {std::ssize(host)}};
}

TensorView ModelHarness::upload(const std::vector<std::int32_t>& host, std::int64_t columns) {
  return {upload(host).data(), DType::kI32, {std::ssize(host) / columns, columns}};
}

ModelHarness::StepInput ModelHarness::prepare(std::span<const Piece> pieces,
                                              std::span<const std::int32_t> rows) {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> query_start{0};
  std::vector<std::int32_t> context_lens;
  std::vector<std::int32_t> block_tables;
  BatchView batch;
  for (const Piece& piece : pieces) {
    for (std::int64_t position = piece.begin; position < piece.end; ++position) {
      token_ids.push_back(piece.prompt[static_cast<std::size_t>(position)]);
      positions.push_back(static_cast<std::int32_t>(position));
      slots.push_back(block(piece.sequence, position / kBlockSize) * kBlockSize +
                      static_cast<std::int32_t>(position % kBlockSize));
    }
    query_start.push_back(static_cast<std::int32_t>(token_ids.size()));
    context_lens.push_back(static_cast<std::int32_t>(piece.end));
    for (std::int64_t index = 0; index < blocks_per_sequence_; ++index) {
      block_tables.push_back(block(piece.sequence, index));
    }
    batch.max_query_len = std::max(batch.max_query_len, static_cast<int>(piece.end - piece.begin));
    batch.max_context_len = std::max(batch.max_context_len, static_cast<int>(piece.end));
  }
  inputs_.clear();
  batch.token_ids = upload(token_ids);
  batch.positions = upload(positions);
  batch.slot_mapping = upload(slots);
  batch.query_start = upload(query_start);
  batch.context_lens = upload(context_lens);
  batch.block_tables = upload(block_tables, blocks_per_sequence_);
  return {batch, upload({rows.begin(), rows.end()})};
}

std::vector<float> ModelHarness::read(TensorView device) {
  std::vector<float> host(static_cast<std::size_t>(device.size()));
  stream_->copy_to_host(host.data(), device.data(), device.bytes());
  require(stream_->synchronize());
  return host;
}

std::vector<float> ModelHarness::step(std::span<const Piece> pieces,
                                      std::span<const std::int32_t> rows) {
  const StepInput input = prepare(pieces, rows);
  model_.forward(*stream_, input.batch, *cache_);
  return read(model_.logits(*stream_, input.logit_rows));
}

std::vector<float> ModelHarness::captured_step(std::span<const Piece> pieces,
                                               std::span<const std::int32_t> rows) {
  const StepInput input = prepare(pieces, rows);
  require(stream_->begin_capture());
  model_.forward(*stream_, input.batch, *cache_);
  const TensorView logits = model_.logits(*stream_, input.logit_rows);
  const std::unique_ptr<Graph> graph = value_of(stream_->end_capture());
  require(stream_->replay(*graph));
  return read(logits);
}

std::vector<float> ModelHarness::all_logits(std::span<const std::int32_t> prompt,
                                            std::int64_t chunk) {
  std::vector<float> all;
  for (std::int64_t begin = 0; begin < std::ssize(prompt); begin += chunk) {
    const std::int64_t end = std::min(begin + chunk, std::ssize(prompt));
    std::vector<std::int32_t> rows(static_cast<std::size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), 0);
    const Piece piece{0, prompt, begin, end};
    const std::vector<float> logits = step(std::span(&piece, 1), rows);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

}  // namespace parapet::test
