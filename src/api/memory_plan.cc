#include "api/memory_plan.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/refusal.h"
#include "engine/step_outputs.h"
#include "model/qwen3.h"

namespace parapet {
namespace {

constexpr std::int64_t kDefaultBytes = std::int64_t{4} << 30;

}  // namespace

Result<std::int64_t> plan_kv_cache_bytes(const ModelOptions& options, const ModelConfig& config,
                                         std::int64_t weight_bytes, std::uint64_t available) {
  if (options.kv_cache_memory < 0) {
    return refused("kv_cache_memory", std::to_string(options.kv_cache_memory), "0 or more bytes");
  }
  if (!(options.memory_utilization >= 0 && options.memory_utilization <= 1)) {
    return refused("memory_utilization", std::to_string(options.memory_utilization),
                   "more than 0 and at most 1, or 0 to leave it open");
  }
  if (options.kv_cache_memory > 0) return options.kv_cache_memory;
  const auto free = static_cast<std::int64_t>(
      std::min<std::uint64_t>(available, std::numeric_limits<std::int64_t>::max()));
  const std::int64_t others =
      weight_bytes +
      Qwen3Model::activation_bytes(config, {.max_num_tokens = options.max_num_batched_tokens,
                                            .max_num_logit_rows = StepOutputs::kTileRows});
  if (options.memory_utilization == 0) {
    return std::min(kDefaultBytes, std::max<std::int64_t>(1, (free - others) / 2));
  }
  const auto share =
      static_cast<std::int64_t>(static_cast<double>(free) * options.memory_utilization);
  if (share > others) return share - others;
  return Error{ErrorCode::kResourceExhausted,
               "memory_utilization " + std::to_string(options.memory_utilization) + " of " +
                   std::to_string(free) + " free bytes is " + std::to_string(share) +
                   ", which leaves nothing for the KV cache: weights and activations take " +
                   std::to_string(others)};
}

}  // namespace parapet
