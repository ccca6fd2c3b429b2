#include "api/engine_setup.h"

#include <string>
#include <utility>

#include "api/backends.h"
#include "api/memory_plan.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"

namespace parapet {
namespace {

Result<EngineOptions> engine_options(const ModelOptions& options, const ModelConfig& config,
                                     std::int64_t weight_bytes, std::uint64_t available) {
  EngineOptions engine;
  engine.max_model_len = options.max_model_len;
  engine.max_num_seqs = options.max_num_seqs;
  engine.max_num_batched_tokens = options.max_num_batched_tokens;
  engine.block_size = options.block_size;
  engine.enable_prefix_caching = options.enable_prefix_caching;
  engine.enforce_eager = options.enforce_eager;
  PARAPET_ASSIGN(engine.kv_cache_bytes,
                 plan_kv_cache_bytes(options, config, weight_bytes, available));
  if (options.kv_cache_dtype != "auto") {
    engine.kv_cache_dtype = dtype_from_name(options.kv_cache_dtype);
    if (!engine.kv_cache_dtype) {
      return Error{ErrorCode::kInvalidArgument,
                   "kv_cache_dtype: '" + options.kv_cache_dtype +
                       "'; expected 'auto', 'float32', 'bfloat16' or 'int8'"};
    }
  }
  return engine;
}

EngineInfo describe(const Device& device, const Engine& engine) {
  const EngineLimits& limits = engine.limits();
  const Qwen3Model& model = engine.model();
  EngineInfo info;
  info.device = device.info().name;
  info.isa = device.info().isa;
  info.num_threads = device.info().num_threads;
  info.activation_dtype = dtype_name(device.info().activation_dtype);
  const WeightsSummary& weights = model.weights_summary();
  info.weights_dtype =
      weights.format ? weight_format_name(*weights.format) : dtype_name(model.config().dtype);
  info.dense_layers = weights.dense_layers;
  info.weight_bytes = static_cast<std::int64_t>(weights.bytes);
  info.activation_bytes = Qwen3Model::activation_bytes(model.config(), model.limits());
  info.max_model_len = limits.max_model_len;
  info.max_num_seqs = limits.max_num_seqs;
  info.max_num_batched_tokens = limits.max_num_batched_tokens;
  info.vocab_size = limits.vocab_size;
  info.kv_cache_dtype = dtype_name(limits.kv_cache_dtype);
  info.block_size = limits.block_size;
  info.kv_cache_tokens = limits.kv_cache_tokens();
  info.kv_cache_bytes =
      info.kv_cache_tokens * model.config().kv_bytes_per_token(limits.kv_cache_dtype);
  info.num_captured_sizes = engine.captured().num_sizes();
  info.capture_seconds = engine.captured().seconds();
  info.capture_bytes = engine.captured().bytes();
  return info;
}

}  // namespace

Result<EngineSetup> set_up_engine(const ModelOptions& options, const ModelConfig& config) {
  EngineSetup setup;
  PARAPET_ASSIGN(setup.device, create_device({.name = options.device,
                                              .num_threads = options.num_threads,
                                              .isa = {},
                                              .activation_dtype = options.activation_dtype}));
  const std::uint64_t available = available_memory();
  const Stopwatch watch;
  PARAPET_ASSIGN(Weights weights, load_weights(options, config, setup.device->info().num_threads));
  const double load_seconds = watch.milliseconds() / 1000;
  PARAPET_ASSIGN(const EngineOptions engine_settings,
                 engine_options(options, config, static_cast<std::int64_t>(weights.summary().bytes),
                                available));
  CapturedPieces::Progress capturing;
  if (options.on_progress) {
    capturing = [&](std::int64_t done, std::int64_t total) {
      options.on_progress("capturing graphs", static_cast<std::uint64_t>(done),
                          static_cast<std::uint64_t>(total));
    };
  }
  PARAPET_ASSIGN(setup.engine, Engine::create(*setup.device, config, std::move(weights),
                                              engine_settings, capturing));
  setup.info = describe(*setup.device, *setup.engine);
  setup.info.load_seconds = load_seconds;
  return setup;
}

}  // namespace parapet
