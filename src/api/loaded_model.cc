#include "api/loaded_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/chat_tokenizer_impl.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"

namespace parapet {
namespace {

// An id that the tokenizer gives and the embedding table has no row for would read past its end.
Status check_vocabulary(const ModelOptions& options, const ChatTokenizer& tokenizer,
                        const ModelConfig& config) {
  if (tokenizer.vocab_size() <= config.vocab_size) return {};
  if (!options.shape.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "shape: '" + options.shape +
                     "' has fewer rows of embeddings than the tokenizer of " +
                     options.model.string() + " has ids"};
  }
  return Error{ErrorCode::kCorrupt,
               (options.model / "tokenizer.json").string() + ": has ids up to " +
                   std::to_string(tokenizer.vocab_size() - 1) +
                   ", but config.json's vocab_size is " + std::to_string(config.vocab_size) +
                   "; the two belong to different models"};
}

}  // namespace

LoadedModel::LoadedModel(ChatTokenizer chat_tokenizer, EngineSetup setup)
    : chat_tokenizer_(std::move(chat_tokenizer)),
      device_(std::move(setup.device)),
      info_(std::move(setup.info)),
      engine_(std::make_unique<AsyncEngine>(std::move(setup.engine))) {}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const ModelOptions& options) {
  const Stopwatch watch;
  PARAPET_ASSIGN(const ModelConfig config, config_of(options));
  PARAPET_ASSIGN(const GenerationConfig generation, GenerationConfig::read(options.model));
  PARAPET_ASSIGN(ChatTokenizer tokenizer, ChatTokenizer::load(options.model));
  PARAPET_TRY(check_vocabulary(options, tokenizer, config));
  PARAPET_ASSIGN(EngineSetup setup, set_up_engine(options, config));
  std::unique_ptr<LoadedModel> model(new LoadedModel(std::move(tokenizer), std::move(setup)));
  model->template_tokens_ = options.template_tokens;
  model->on_progress_ = options.on_progress;
  model->end_tokens_ = generation.eos_token_ids;
  model->guard_formats_ =
      GuardFormats::find(model->tokenizer(), model->chat_tokenizer_, options.template_tokens);
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
  counters.drafts = stats.num_drafts;
  counters.draft_tokens = stats.num_draft_tokens;
  counters.accepted_draft_tokens = stats.num_accepted_draft_tokens;
  counters.accepted_by_position = stats.num_accepted_by_depth;
  counters.step_tokens = stats.step_tokens;
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
