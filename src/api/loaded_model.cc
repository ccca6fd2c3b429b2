#include "api/loaded_model.h"

#include <string>
#include <utility>

#include "api/backends.h"
#include "api/boundary.h"
#include "api/chat_tokenizer_impl.h"
#include "base/check.h"
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

Result<EngineOptions> engine_options(const ModelOptions& options) {
  EngineOptions engine;
  engine.max_model_len = options.max_model_len;
  engine.max_num_seqs = options.max_num_seqs;
  engine.max_num_batched_tokens = options.max_num_batched_tokens;
  if (options.kv_cache_dtype != "auto") {
    engine.kv_cache_dtype = dtype_from_name(options.kv_cache_dtype);
    if (!engine.kv_cache_dtype) {
      return Error{ErrorCode::kInvalidArgument, "kv_cache_dtype: '" + options.kv_cache_dtype +
                                                    "'; expected 'auto', 'float32' or 'bfloat16'"};
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

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const ModelOptions& options) {
  PARAPET_ASSIGN(const ModelConfig config, ModelConfig::read(options.model));
  PARAPET_ASSIGN(const GenerationConfig generation, GenerationConfig::read(options.model));
  PARAPET_ASSIGN(ChatTokenizer tokenizer, ChatTokenizer::load(options.model));
  PARAPET_TRY(check_vocabulary(options, tokenizer, config));
  PARAPET_ASSIGN(auto device, create_device(options.device, options.num_threads));
  PARAPET_ASSIGN(Weights weights, load_weights(options, config, device->info().num_threads));
  PARAPET_ASSIGN(const EngineOptions engine_settings, engine_options(options));
  PARAPET_ASSIGN(auto engine, Engine::create(*device, config, std::move(weights), engine_settings));

  std::unique_ptr<LoadedModel> model(
      new LoadedModel(std::move(tokenizer), std::move(device), std::move(engine)));
  model->template_tokens_ = options.template_tokens;
  model->on_progress_ = options.on_progress;
  model->end_tokens_ = generation.eos_token_ids;
  return model;
}

const Tokenizer& LoadedModel::tokenizer() const { return chat_tokenizer_.impl_->tokenizer; }

std::vector<Result<GenerationOutput>> run_prepared(
    LoadedModel& model, const std::vector<Result<PreparedRequest>>& prepared) {
  using Answers = std::vector<Result<GenerationOutput>>;
  std::vector<GenerationRequest> requests;
  for (const auto& one : prepared) {
    if (one) requests.push_back(one->request);
  }
  StepProgress progress;
  if (model.on_progress()) {
    progress = [&](std::int64_t computed, std::int64_t expected) {
      model.on_progress()("computing tokens", static_cast<std::uint64_t>(computed),
                          static_cast<std::uint64_t>(expected));
    };
  }
  auto answers =
      guarded([&]() -> Result<Answers> { return model.engine().generate(requests, progress); });

  Answers outputs;
  std::size_t next = 0;
  for (const auto& one : prepared) {
    if (!one) {
      outputs.emplace_back(one.error());
    } else if (!answers) {
      outputs.emplace_back(answers.error());
    } else {
      outputs.push_back(std::move((*answers)[next++]));
    }
  }
  return outputs;
}

Timing timing_of(const PreparedRequest& prepared, const GenerationOutput& generated) {
  const GenerationTiming& steps = generated.timing;
  return {prepared.render_ms, steps.prefill_ms, steps.decode_ms,
          prepared.render_ms + steps.queue_ms + steps.prefill_ms + steps.decode_ms};
}

}  // namespace parapet
