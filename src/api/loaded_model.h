// A checkpoint ready to answer: tokenizer, template, weights on a device, and an engine.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "api/engine_setup.h"
#include "api/guard_formats.h"
#include "checkpoint/config.h"
#include "device/device.h"
#include "engine/async_engine.h"
#include "parapet/chat_tokenizer.h"
#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "structured/vocabulary_trie.h"
#include "text/tokenizer.h"

namespace parapet {

class LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const ModelOptions& options);

  const ChatTokenizer& chat_tokenizer() const { return chat_tokenizer_; }
  const Tokenizer& tokenizer() const;
  AsyncEngine& engine() { return *engine_; }
  TemplateTokens template_tokens() const { return template_tokens_; }
  // The tokens that end an answer of this checkpoint.
  const std::vector<TokenId>& end_tokens() const { return end_tokens_; }
  // An error where the model is no guard.
  const Result<GuardFormats>& guard_formats() const { return guard_formats_; }
  const EngineInfo& info() const { return info_; }
  EngineCounters counters() const;
  // For constraints; made when first asked for. Any thread.
  std::shared_ptr<const VocabularyTrie> vocabulary();

  // For Gate::wait: tells on_progress how many tokens were computed since now, of `expected` at
  // most, which is read at each call. Empty where nobody wants to know.
  std::function<void(bool done)> progress_of(const std::int64_t& expected) const;

 private:
  LoadedModel(ChatTokenizer chat_tokenizer, EngineSetup setup);

  ChatTokenizer chat_tokenizer_;
  std::unique_ptr<Device> device_;  // outlives the engine that uses it
  TemplateTokens template_tokens_ = TemplateTokens::kTemplateOnly;
  ProgressCallback on_progress_;
  std::vector<TokenId> end_tokens_;
  Result<GuardFormats> guard_formats_ = GuardFormats();
  EngineInfo info_;
  std::mutex vocabulary_mutex_;
  std::shared_ptr<const VocabularyTrie> vocabulary_;
  std::unique_ptr<AsyncEngine> engine_;  // last: what it calls at its end may use all of the above
};

}  // namespace parapet
