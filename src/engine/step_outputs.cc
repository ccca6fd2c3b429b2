#include "engine/step_outputs.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/check.h"
#include "engine/request.h"

namespace parapet {

Result<StepOutputs> StepOutputs::allocate(Device& device, const EngineLimits& limits) {
  const std::int64_t rows = limits.max_num_batched_tokens;
  const auto columns = static_cast<std::int64_t>(kMaxWatchedTokens);
  StepOutputs outputs;
  PARAPET_ASSIGN(outputs.rows_, DeviceArray<std::int32_t>::allocate(device, rows));
  PARAPET_ASSIGN(outputs.most_likely_, DeviceArray<std::int32_t>::allocate(device, rows));
  PARAPET_ASSIGN(outputs.watched_ids_, DeviceArray<std::int32_t>::allocate(device, rows * columns));
  PARAPET_ASSIGN(outputs.watched_, DeviceArray<float>::allocate(device, rows * columns));
  return outputs;
}

Result<std::vector<LogitRowResult>> StepOutputs::read(Stream& stream, Ops& ops, Qwen3Model& model,
                                                      std::span<const LogitRow> rows,
                                                      const LogitsReader& reader) {
  upload(stream, rows);
  const std::int64_t tile = std::min(kTileRows, model.limits().max_num_logit_rows);
  for (std::int64_t begin = 0; begin < std::ssize(rows); begin += tile) {
    const std::int64_t count = std::min(tile, std::ssize(rows) - begin);
    const TensorView logits = model.logits(stream, rows_.slice(begin, count));
    ops.argmax(stream, logits, most_likely_.slice(begin, count));
    if (columns_ > 0) {
      ops.select_logprobs(stream, logits, watched_ids_.slice_rows(begin, count, columns_),
                          watched_.slice_rows(begin, count, columns_));
    }
    PARAPET_TRY(read_whole(stream, rows, begin, logits, reader));
  }
  most_likely_.download(stream);
  if (columns_ > 0) watched_.download(stream);
  PARAPET_TRY(stream.synchronize());
  return collect(rows);
}

// Watched tokens are one op for all rows, as wide as the longest list; the rest of a row repeats
// token 0.
void StepOutputs::upload(Stream& stream, std::span<const LogitRow> rows) {
  std::size_t columns = 0;
  rows_.host().clear();
  for (const LogitRow& row : rows) {
    rows_.host().push_back(static_cast<std::int32_t>(row.row));
    columns = std::max(columns, row.watch.size());
  }
  columns_ = static_cast<std::int64_t>(columns);
  std::vector<std::int32_t>& ids = watched_ids_.host();
  ids.assign(rows.size() * columns, 0);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::ranges::copy(rows[row].watch, ids.begin() + static_cast<std::ptrdiff_t>(row * columns));
  }
  most_likely_.host().resize(rows.size());
  watched_.host().resize(ids.size());
  rows_.upload(stream);
  if (columns_ > 0) watched_ids_.upload(stream);
}

Status StepOutputs::read_whole(Stream& stream, std::span<const LogitRow> rows, std::int64_t begin,
                               TensorView logits, const LogitsReader& reader) {
  const auto vocab_size = static_cast<std::size_t>(logits.dim(1));
  logits_.resize(vocab_size);
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const auto index = static_cast<std::size_t>(begin + i);
    if (!rows[index].whole) continue;
    stream.copy_to_host(logits_.data(),
                        logits.as<float>() + static_cast<std::size_t>(i) * vocab_size,
                        vocab_size * sizeof(float));
    PARAPET_TRY(stream.synchronize());
    reader(index, logits_);
  }
  return {};
}

std::vector<LogitRowResult> StepOutputs::collect(std::span<const LogitRow> rows) const {
  std::vector<LogitRowResult> results(rows.size());
  auto watched = watched_.host().begin();
  for (std::size_t row = 0; row < rows.size(); ++row, watched += columns_) {
    results[row].most_likely = most_likely_.host()[row];
    results[row].watched.assign(watched, watched + std::ssize(rows[row].watch));
  }
  return results;
}

}  // namespace parapet
