// Offline text generation, in the shapes of vLLM's LLM, SamplingParams and RequestOutput.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parapet/chat_tokenizer.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// How to load a checkpoint and where to run it. The strings are those of the command line.
struct ModelOptions {
  std::filesystem::path model;          // checkpoint folder
  std::string load_format = "auto";     // "auto": safetensors; "dummy": seeded random weights
  std::uint64_t seed = 0;               // of dummy weights
  std::string device = "cpu";           // "cpu", or "reference": plain, slow, the oracle
  int num_threads = 0;                  // 0: as many as this process may use
  std::int64_t max_model_len = 0;       // 0: the model's own maximum
  std::string kv_cache_dtype = "auto";  // "auto", "float32", "bfloat16"
  std::int64_t max_num_batched_tokens = 2048;
  std::int64_t max_num_seqs = 16;
  TemplateTokens template_tokens = TemplateTokens::kTemplateOnly;
  ProgressCallback on_progress;  // may be empty
};

struct SamplingParams {
  double temperature =
      0.0;  // 0: the most likely token. (vLLM's default is 1; a guard must not roll dice.)
  double top_p = 1.0;                 // in (0, 1]
  std::int64_t top_k = 0;             // 0: all
  std::optional<std::uint64_t> seed;  // empty: 0, so that runs repeat
  std::int64_t max_tokens = 16;
  std::vector<TokenId> stop_token_ids;  // beside the checkpoint's own end tokens
  bool ignore_eos = false;
};

struct CompletionOutput {
  std::string text;
  std::vector<TokenId> token_ids;  // without the end token
  std::string finish_reason;       // "stop" or "length"
};

struct RequestOutput {
  std::string prompt;
  std::vector<TokenId> prompt_token_ids;
  std::vector<CompletionOutput> outputs;
  TokenUsage usage;
  Timing timing;
};

// A loaded model. One thread at a time may call it.
class LLM {
 public:
  static Result<LLM> load(const ModelOptions& options);

  LLM(LLM&&) noexcept;
  LLM& operator=(LLM&&) noexcept;
  ~LLM();

  // One answer a prompt, in order. A prompt that cannot be served fails alone. Prompts are encoded
  // as their author's own text: special tokens spelled in them are special.
  std::vector<Result<RequestOutput>> generate(const std::vector<std::string>& prompts,
                                              const SamplingParams& params);
  // The same through the checkpoint's chat template.
  std::vector<Result<RequestOutput>> chat(const std::vector<Conversation>& conversations,
                                          const SamplingParams& params);

  const ChatTokenizer& tokenizer() const;

 private:
  explicit LLM(std::unique_ptr<class LoadedModel> model);
  std::unique_ptr<class LoadedModel> model_;
};

}  // namespace parapet
