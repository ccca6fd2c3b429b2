// A checkpoint ready to answer: tokenizer, template, weights on a device, and an engine.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "device/device.h"
#include "engine/engine.h"
#include "parapet/chat_tokenizer.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "text/tokenizer.h"

namespace parapet {

class LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const ModelOptions& options);

  const ChatTokenizer& chat_tokenizer() const { return chat_tokenizer_; }
  const Tokenizer& tokenizer() const;
  Engine& engine() { return *engine_; }
  TemplateTokens template_tokens() const { return template_tokens_; }
  const ProgressCallback& on_progress() const { return on_progress_; }
  // The tokens that end an answer of this checkpoint.
  const std::vector<TokenId>& end_tokens() const { return end_tokens_; }

 private:
  LoadedModel(ChatTokenizer chat_tokenizer, std::unique_ptr<Device> device,
              std::unique_ptr<Engine> engine)
      : chat_tokenizer_(std::move(chat_tokenizer)),
        device_(std::move(device)),
        engine_(std::move(engine)) {}

  ChatTokenizer chat_tokenizer_;
  std::unique_ptr<Device> device_;  // outlives the engine that uses it
  std::unique_ptr<Engine> engine_;
  TemplateTokens template_tokens_ = TemplateTokens::kTemplateOnly;
  ProgressCallback on_progress_;
  std::vector<TokenId> end_tokens_;
};

// One request, rendered and encoded: what LLM and Guard hand to the engine.
struct PreparedRequest {
  std::string prompt;
  GenerationRequest request;
  double render_ms = 0;
};

// Runs those that could be prepared in one call of the engine, and answers all in order.
std::vector<Result<GenerationOutput>> run_prepared(
    LoadedModel& model, const std::vector<Result<PreparedRequest>>& prepared);

// Rendering, steps and their sum.
Timing timing_of(const PreparedRequest& prepared, const GenerationOutput& generated);

}  // namespace parapet
