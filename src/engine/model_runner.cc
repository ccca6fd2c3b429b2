#include "engine/model_runner.h"

#include <utility>

#include "base/check.h"

namespace parapet {

Result<ModelRunner> ModelRunner::create(Device& device, Qwen3Model model,
                                        const EngineLimits& limits) {
  PARAPET_CHECK(model.limits().max_num_tokens >= limits.max_num_batched_tokens);
  PARAPET_CHECK(model.limits().max_num_logit_rows >= limits.max_num_seqs);
  PARAPET_ASSIGN(std::unique_ptr<Stream> stream, device.create_stream());
  PARAPET_ASSIGN(std::unique_ptr<KvCache> cache,
                 device.create_kv_cache(model.kv_cache_spec(static_cast<int>(limits.num_kv_blocks),
                                                            static_cast<int>(limits.block_size),
                                                            limits.kv_cache_dtype)));
  PARAPET_ASSIGN(StepInputs inputs, StepInputs::allocate(device, limits));
  PARAPET_ASSIGN(StepOutputs outputs, StepOutputs::allocate(device, limits));
  return ModelRunner(device, std::move(model), std::move(stream), std::move(cache),
                     std::move(inputs), std::move(outputs));
}

ModelRunner::ModelRunner(Device& device, Qwen3Model model, std::unique_ptr<Stream> stream,
                         std::unique_ptr<KvCache> cache, StepInputs inputs, StepOutputs outputs)
    : device_(&device),
      model_(std::move(model)),
      stream_(std::move(stream)),
      cache_(std::move(cache)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)) {}

Result<std::vector<std::optional<NextToken>>> ModelRunner::run(
    std::span<const ScheduledSequence> scheduled) {
  std::vector<Sequence*> yielding;  // in the order of their rows of logits
  for (const ScheduledSequence& each : scheduled) {
    if (each.yields_token()) yielding.push_back(each.sequence);
  }
  inputs_.prepare(*stream_, scheduled);
  const TensorView logits =
      model_.forward(*stream_, inputs_.batch(), *cache_, inputs_.logit_rows());
  if (!yielding.empty()) outputs_.enqueue(*stream_, device_->ops(), yielding, logits);
  PARAPET_TRY(stream_->synchronize());

  std::vector<std::optional<NextToken>> answers(scheduled.size());
  if (yielding.empty()) return answers;
  std::vector<NextToken> next = outputs_.collect(yielding);
  auto row = next.begin();
  for (std::size_t i = 0; i < scheduled.size(); ++i) {
    if (scheduled[i].yields_token()) answers[i] = std::move(*row++);
  }
  return answers;
}

}  // namespace parapet
