#include "engine/step_outputs.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/check.h"

namespace parapet {

Result<StepOutputs> StepOutputs::allocate(Device& device, const EngineLimits& limits) {
  const std::int64_t rows = limits.max_num_seqs;
  const auto columns = static_cast<std::int64_t>(kMaxLogprobTokens);
  StepOutputs outputs;
  PARAPET_ASSIGN(outputs.most_likely_, DeviceArray<std::int32_t>::allocate(device, rows));
  PARAPET_ASSIGN(outputs.logprob_ids_, DeviceArray<std::int32_t>::allocate(device, rows * columns));
  PARAPET_ASSIGN(outputs.logprobs_, DeviceArray<float>::allocate(device, rows * columns));
  return outputs;
}

void StepOutputs::enqueue(Stream& stream, Ops& ops, std::span<Sequence* const> sequences,
                          TensorView logits) {
  PARAPET_CHECK(logits.dim(0) == std::ssize(sequences) && !sequences.empty());
  most_likely_.host().resize(sequences.size());
  ops.argmax(stream, logits, most_likely_.view());
  most_likely_.download(stream);
  enqueue_logprobs(stream, ops, sequences, logits);

  sampled_logits_.assign(sequences.size(), {});
  const std::size_t row_bytes = logits.bytes() / sequences.size();
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    if (sequences[row]->request->sampling.greedy()) continue;
    sampled_logits_[row].resize(static_cast<std::size_t>(logits.dim(1)));
    stream.copy_to_host(sampled_logits_[row].data(), logits.as<std::byte>() + row * row_bytes,
                        row_bytes);
  }
}

// One op for all rows, as wide as the largest query; the rest of a row repeats token 0.
void StepOutputs::enqueue_logprobs(Stream& stream, Ops& ops, std::span<Sequence* const> sequences,
                                   TensorView logits) {
  std::size_t columns = 0;
  for (const Sequence* sequence : sequences) {
    const LogprobQuery* query = sequence->query();
    if (query != nullptr) columns = std::max(columns, query->token_ids.size());
  }
  logprob_columns_ = static_cast<std::int64_t>(columns);
  if (columns == 0) return;
  std::vector<std::int32_t>& ids = logprob_ids_.host();
  ids.assign(sequences.size() * columns, 0);
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    const LogprobQuery* query = sequences[row]->query();
    if (query == nullptr) continue;
    std::copy(query->token_ids.begin(), query->token_ids.end(),
              ids.begin() + static_cast<std::ptrdiff_t>(row * columns));
  }
  logprobs_.host().resize(ids.size());
  logprob_ids_.upload(stream);
  const std::int64_t rows = std::ssize(sequences);
  ops.select_logprobs(stream, logits, logprob_ids_.view(rows, logprob_columns_),
                      logprobs_.view(rows, logprob_columns_));
  logprobs_.download(stream);
}

std::vector<NextToken> StepOutputs::collect(std::span<Sequence* const> sequences) {
  std::vector<NextToken> next(sequences.size());
  auto logprobs = logprobs_.host().begin();
  for (std::size_t row = 0; row < sequences.size(); ++row, logprobs += logprob_columns_) {
    next[row].most_likely = most_likely_.host()[row];
    next[row].logits = std::move(sampled_logits_[row]);
    const LogprobQuery* query = sequences[row]->query();
    if (query == nullptr) continue;
    next[row].logprobs.assign(logprobs, logprobs + std::ssize(query->token_ids));
  }
  return next;
}

}  // namespace parapet
