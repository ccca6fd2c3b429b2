#include "engine/model_runner.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace parapet {

Result<ModelRunner> ModelRunner::create(Device& device, Qwen3Model model,
                                        const EngineLimits& limits,
                                        const CapturedPieces::Progress& progress) {
  PARAPET_CHECK(model.limits().max_num_tokens >= limits.max_num_batched_tokens);
  PARAPET_ASSIGN(std::unique_ptr<Stream> stream, device.create_stream());
  PARAPET_ASSIGN(std::unique_ptr<KvCache> cache,
                 device.create_kv_cache(model.kv_cache_spec(static_cast<int>(limits.num_kv_blocks),
                                                            static_cast<int>(limits.block_size),
                                                            limits.kv_cache_dtype)));
  PARAPET_ASSIGN(StepInputs inputs, StepInputs::allocate(device, limits));
  PARAPET_ASSIGN(StepOutputs outputs, StepOutputs::allocate(device, limits));
  ModelRunner runner(device, std::move(model), std::move(stream), std::move(cache),
                     std::move(inputs), std::move(outputs));
  if (limits.capture_sizes.empty()) return runner;
  PARAPET_ASSIGN(runner.captured_,
                 CapturedPieces::capture(*runner.stream_, runner.model_,
                                         runner.inputs_.token_ids_for(limits.capture_sizes.back()),
                                         runner.inputs_.positions_for(limits.capture_sizes.back()),
                                         limits.capture_sizes, progress));
  return runner;
}

ModelRunner::ModelRunner(Device& device, Qwen3Model model, std::unique_ptr<Stream> stream,
                         std::unique_ptr<KvCache> cache, StepInputs inputs, StepOutputs outputs)
    : device_(&device),
      model_(std::move(model)),
      stream_(std::move(stream)),
      cache_(std::move(cache)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)) {}

Result<std::vector<LogitRowResult>> ModelRunner::run(const Step& step,
                                                     std::span<const LogitRow> rows,
                                                     const LogitsReader& reader) {
  const std::int64_t captured_size = captured_.size_for(step.num_rows);
  inputs_.prepare(*stream_, step, std::max(captured_size, step.num_rows));
  const auto begin = std::chrono::steady_clock::now();
  if (!step.block_copies.empty()) {
    device_->ops().copy_kv_blocks(*stream_, *cache_, inputs_.block_copies());
  }
  PARAPET_TRY(forward(captured_size));
  auto results = outputs_.read(*stream_, device_->ops(), model_, rows, reader);
  device_seconds_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return results;
}

Status ModelRunner::forward(std::int64_t captured_size) {
  const BatchView batch = inputs_.batch();
  if (captured_size == 0) {
    model_.forward(*stream_, batch, *cache_);
    return {};
  }
  for (int index = 0; index < model_.num_pieces(); ++index) {
    PARAPET_TRY(captured_.replay(*stream_, captured_size, index));
    model_.attention(*stream_, batch, *cache_, index);
  }
  return {};
}

}  // namespace parapet
