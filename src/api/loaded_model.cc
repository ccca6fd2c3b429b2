#include "api/loaded_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/backends.h"
#include "api/chat_tokenizer_impl.h"
#include "api/memory_plan.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"
#include "checkpoint/weights.h"

namespace parapet {
namespace {

Result<Weights> load_weights(const ModelOptions& options, const ModelConfig& config,
                             int num_threads) {
  if (options.load_format == "auto") return Weights::open(options.model, config);
  if (options.load_format == "dummy") {
    Progress progress;
    if (options.on_progress) {
      progress = [&](std::uint64_t done, std::uint64_t total) {
        options.on_progress("making dummy weights", done, total);
      };
    }
    return Weights::dummy(config, options.seed, num_threads, progress);
  }
  return Error{ErrorCode::kInvalidArgument,
               "load_format: '" + options.load_format + "'; expected 'auto' or 'dummy'"};
}

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

// An id that the tokenizer gives and the embedding table has no row for would read past its end.
Status check_vocabulary(const ModelOptions& options, const ChatTokenizer& tokenizer,
                        const ModelConfig& config) {
  if (tokenizer.vocab_size() <= config.vocab_size) return {};
  return Error{ErrorCode::kCorrupt,
               (options.model / "tokenizer.json").string() + ": has ids up to " +
                   std::to_string(tokenizer.vocab_size() - 1) +
                   ", but config.json's vocab_size is " + std::to_string(config.vocab_size) +
                   "; the two belong to different models"};
}

EngineInfo describe(const Device& device, const Engine& engine) {
  const EngineLimits& limits = engine.limits();
  const Qwen3Model& model = engine.model();
  EngineInfo info;
  info.device = device.info().name;
  info.isa = device.info().isa;
  info.num_threads = device.info().num_threads;
  info.weights_dtype = dtype_name(model.config().dtype);
  info.weight_bytes = static_cast<std::int64_t>(model.weights_summary().bytes);
  info.max_model_len = limits.max_model_len;
  info.max_num_seqs = limits.max_num_seqs;
  info.max_num_batched_tokens = limits.max_num_batched_tokens;
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

LoadedModel::LoadedModel(ChatTokenizer chat_tokenizer, std::unique_ptr<Device> device,
                         std::unique_ptr<Engine> engine)
    : chat_tokenizer_(std::move(chat_tokenizer)),
      device_(std::move(device)),
      info_(describe(*device_, *engine)) {
  engine_ = std::make_unique<AsyncEngine>(std::move(engine));
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const ModelOptions& options) {
  const Stopwatch watch;
  PARAPET_ASSIGN(const ModelConfig config, ModelConfig::read(options.model));
  PARAPET_ASSIGN(const GenerationConfig generation, GenerationConfig::read(options.model));
  PARAPET_ASSIGN(ChatTokenizer tokenizer, ChatTokenizer::load(options.model));
  PARAPET_TRY(check_vocabulary(options, tokenizer, config));
  PARAPET_ASSIGN(auto device, create_device(options.device, options.num_threads));
  const std::uint64_t available = available_memory();
  const Stopwatch weights_watch;
  PARAPET_ASSIGN(Weights weights, load_weights(options, config, device->info().num_threads));
  const double load_seconds = weights_watch.milliseconds() / 1000;
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
  PARAPET_ASSIGN(auto engine,
                 Engine::create(*device, config, std::move(weights), engine_settings, capturing));

  std::unique_ptr<LoadedModel> model(
      new LoadedModel(std::move(tokenizer), std::move(device), std::move(engine)));
  model->template_tokens_ = options.template_tokens;
  model->on_progress_ = options.on_progress;
  model->end_tokens_ = generation.eos_token_ids;
  model->info_.load_seconds = load_seconds;
  model->info_.total_seconds = watch.milliseconds() / 1000;
  return model;
}

const Tokenizer& LoadedModel::tokenizer() const { return chat_tokenizer_.impl_->tokenizer; }

EngineCounters LoadedModel::counters() const {
  const EngineStats stats = engine_->stats();
  EngineCounters counters;
  counters.steps = stats.num_steps;
  counters.rows = stats.num_rows;
  counters.requests_finished = stats.num_finished;
  counters.preemptions = stats.scheduler.num_preemptions;
  counters.prefix_cache_queries = stats.scheduler.prefix_queries;
  counters.prefix_cache_hits = stats.scheduler.prefix_hits;
  counters.step_seconds = stats.step_seconds;
  counters.model_seconds = stats.model_seconds;
  counters.requests_running = stats.num_running;
  counters.requests_waiting = stats.num_waiting;
  counters.kv_cache_tokens_in_use =
      (stats.num_kv_blocks - stats.num_free_kv_blocks) * info_.block_size;
  return counters;
}

std::shared_ptr<const VocabularyTrie> LoadedModel::vocabulary() {
  const std::lock_guard lock(vocabulary_mutex_);
  if (!vocabulary_) {
    vocabulary_ =
        std::make_shared<const VocabularyTrie>(tokenizer(), engine_->engine().limits().vocab_size);
  }
  return vocabulary_;
}

std::function<void(bool done)> LoadedModel::progress_of(const std::int64_t& expected) const {
  if (!on_progress_) return {};
  return [this, &expected, begin = engine_->stats().num_rows](bool done) {
    const std::int64_t computed = done ? expected : engine_->stats().num_rows - begin;
    on_progress_("computing tokens",
                 static_cast<std::uint64_t>(std::clamp<std::int64_t>(computed, 0, expected)),
                 static_cast<std::uint64_t>(expected));
  };
}

}  // namespace parapet
