// Text generation, in the shapes of vLLM's LLM, SamplingParams and RequestOutput.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parapet/chat_tokenizer.h"
#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/export.h"
#include "parapet/types.h"

namespace parapet {

// How to load a checkpoint and where to run it. The strings are those of the command line; a value
// that cannot be honoured is refused by load(), which names it.
struct ModelOptions {
  std::filesystem::path model;       // checkpoint folder
  std::string load_format = "auto";  // "auto": safetensors; "dummy": seeded random weights
  std::uint64_t seed = 0;            // of dummy weights
  // "0.6b", "4b", "8b": dummy weights of that published size instead of the checkpoint's, whose
  // tokenizer and template are used all the same. For measurements. "": the checkpoint's own size.
  std::string shape;
  // "int8" or "int4": quantize matrices as they are loaded, for a checkpoint that is not quantized;
  // the same that quantize_checkpoint() writes by default, so the first layer's stay as they are.
  // "": as the checkpoint has them.
  std::string quantization;
  std::string device = "cpu";  // "cpu", or "reference": plain, slow, the oracle
  int num_threads = 0;         // 0: as many as this process may use
  // "float32"; or "bfloat16": what an accelerator rounds to it is rounded, everything between is
  // computed in float. For measuring (docs/precision.md); it is slower than "float32".
  std::string activation_dtype = "float32";
  std::int64_t max_model_len = 0;       // tokens of prompt and answer; 0: the model's own maximum
  std::string kv_cache_dtype = "auto";  // "auto", "float32", "bfloat16", "int8"
  std::int64_t block_size = 16;         // tokens in one block of the KV cache
  // Bytes of the KV cache. 0: memory_utilization decides; if that is 0 too, 4 GiB or half of the
  // free memory, whichever is less. Never more than max_num_seqs sequences of max_model_len need.
  std::int64_t kv_cache_memory = 0;
  // Share of this machine's (or container's) memory that weights, activations and KV cache may take
  // together: in (0, 1], or 0.
  double memory_utilization = 0;
  std::int64_t max_num_batched_tokens = 2048;  // in one step; longer prompts take several
  std::int64_t max_num_seqs = 256;             // in one step
  bool enable_prefix_caching = true;
  bool enforce_eager = false;  // op by op, nothing captured
  TemplateTokens template_tokens = TemplateTokens::kTemplateOnly;
  ProgressCallback on_progress;  // may be empty
};

// Meanings are vLLM's; docs/cpp-api.md says where defaults and limits differ. A value outside its
// limits fails the request with ErrorCode::kInvalidArgument, which names field and value.
struct SamplingParams {
  double temperature = 0.0;  // 0: the most likely token. (vLLM's is 1; a guard must not roll dice.)
  double top_p = 1.0;        // in (0, 1]
  std::int64_t top_k = 0;    // 0: all
  double min_p = 0.0;        // in [0, 1]
  double presence_penalty = 0.0;      // in [-2, 2]
  double frequency_penalty = 0.0;     // in [-2, 2]
  double repetition_penalty = 1.0;    // in (0, 2]
  std::optional<std::uint64_t> seed;  // empty: 0, so that runs repeat
  std::int64_t n = 1;  // answers, at most 128; with a temperature, each has its own seed: seed + i

  std::int64_t max_tokens = 16;   // 0: none, for prompt_logprobs; max_model_len limits it too
  std::int64_t min_tokens = 0;    // before that, neither end tokens nor stop_token_ids
  std::vector<std::string> stop;  // the first of them ends the answer, and is cut off; at most 64
  bool include_stop_str_in_output = false;
  std::vector<TokenId> stop_token_ids;  // beside the checkpoint's own end tokens
  bool ignore_eos = false;

  std::vector<std::pair<TokenId, float>> logit_bias;  // one a token, within [-100, 100]
  std::vector<TokenId> allowed_token_ids;             // empty: all
  std::vector<std::string> bad_words;                 // never written
  // At most one of the two: the answer is one of these strings, or matches this regular expression
  // (docs/structured-output.md).
  std::vector<std::string> choice;
  std::string regex;

  // From logits as the model gave them.
  std::optional<std::int64_t> logprobs;         // of so many likely tokens; -1: of all
  std::optional<std::int64_t> prompt_logprobs;  // the same for the prompt
  std::vector<TokenId> logprob_token_ids;       // of exactly these, in the answer; at most 1,024

  // A guard's greedy answer is drafted and checked in one pass, or few (docs/verdicts.md). True:
  // written token by token instead, which gives the same answer.
  bool plain_decoding = false;

  std::int64_t priority = 0;  // smaller is served first
  std::string cache_salt;     // prefixes are shared among requests of equal salt only
};

struct Logprob {
  TokenId token_id = 0;
  float logprob = 0;      // natural logarithm
  std::int64_t rank = 0;  // 1: the most likely token
};

struct CompletionOutput {
  std::string text;
  // Without the end token. Beside a stop string that was cut off, they spell more than `text`.
  std::vector<TokenId> token_ids;
  std::string finish_reason;               // "stop", or "length": max_tokens or max_model_len
  std::optional<std::string> stop_string;  // which one ended it
  std::optional<TokenId> stop_token;       // likewise
  // With `logprobs`: one entry a token, an end token's included; the chosen token first.
  std::vector<std::vector<Logprob>> logprobs;
  // With `logprob_token_ids`: one entry a token, in their order.
  std::vector<std::vector<float>> token_logprobs;
  std::int64_t num_passes = 0;  // forward passes that it took part in
};

struct RequestOutput {
  std::string prompt;
  std::vector<TokenId> prompt_token_ids;
  std::vector<CompletionOutput> outputs;  // n
  // With `prompt_logprobs`: one entry a prompt token, empty for the first.
  std::vector<std::vector<Logprob>> prompt_logprobs;
  TokenUsage usage;  // the prompt once, all n answers
  Timing timing;     // of the answer that took longest
};

// What was written since the last call: text that can no longer be cut off by a stop string, in
// whole characters. An answer's deltas, put together, are its `text`.
struct OutputDelta {
  std::int64_t index = 0;  // which of the n answers
  std::string text;        // may be empty: the next tokens decide
  std::vector<TokenId> token_ids;
  // As in CompletionOutput, of these tokens: what is told of an end token stands there alone.
  std::vector<std::vector<Logprob>> logprobs;
  std::vector<std::vector<float>> token_logprobs;
  // As in RequestOutput, in each answer's first delta.
  std::vector<std::vector<Logprob>> prompt_logprobs;
};
using OnDelta = std::function<void(const OutputDelta& delta)>;

// A request under way. Copies mean the same request; dropping them all does not end it.
class RequestHandle {
 public:
  RequestHandle() = default;  // of nothing
  explicit RequestHandle(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  // The request is answered with ErrorCode::kCancelled, unless it already has its answer. May be
  // called at any time, also after the model is gone.
  void cancel() const {
    if (cancel_) cancel_();
  }

 private:
  std::function<void()> cancel_;
};
using OnOutput = std::function<void(Result<RequestOutput>)>;

class LoadedModel;  // of this library alone

// A loaded model, with an engine on a thread of its own. Every method but moves may be called from
// any thread at any time, and requests of all callers share the engine's steps. One that was moved
// from can only be assigned to or destroyed.
class PARAPET_API LLM {
 public:
  // Waits until the model is ready. kInvalidArgument names an option; kNotFound, kCorrupt and
  // kUnsupported a file of the checkpoint; kResourceExhausted says what does not fit in memory.
  static Result<LLM> load(const ModelOptions& options);

  LLM(LLM&&) noexcept;
  LLM& operator=(LLM&&) noexcept;
  // Requests under way are answered with ErrorCode::kCancelled before it returns, unless a Guard
  // shares the model. Not to be called from a callback.
  ~LLM();

  // Waits for all answers: one a prompt, in order. A prompt that cannot be served fails alone:
  // kInvalidArgument (params, or an empty prompt), kTooLong, kResourceExhausted. Prompts are
  // encoded as their author's own text: special tokens spelled in them are special.
  std::vector<Result<RequestOutput>> generate(const std::vector<std::string>& prompts,
                                              const SamplingParams& params);
  // The same of token ids.
  std::vector<Result<RequestOutput>> generate_from_ids(
      const std::vector<std::vector<TokenId>>& prompts, const SamplingParams& params);
  // The same through the checkpoint's chat template, whose refusals are kTemplate.
  std::vector<Result<RequestOutput>> chat(const std::vector<Conversation>& conversations,
                                          const SamplingParams& params);

  // Encode here, and return without waiting for the model; they keep no reference to their
  // arguments. on_delta (may be empty) and then, once, on_output are called on the engine's thread;
  // on_output on this one, before the call returns, where there is nothing to run (params that are
  // refused). They must return soon, must not throw and must not wait for another answer; they may
  // ask for one.
  RequestHandle generate_async(const std::string& prompt, const SamplingParams& params,
                               const OnDelta& on_delta, OnOutput on_output);
  RequestHandle generate_from_ids_async(std::vector<TokenId> prompt, const SamplingParams& params,
                                        const OnDelta& on_delta, OnOutput on_output);
  RequestHandle chat_async(const Conversation& conversation, const SamplingParams& params,
                           const OnDelta& on_delta, OnOutput on_output);

  // Lives as long as the model.
  const ChatTokenizer& tokenizer() const;
  EngineInfo info() const;
  EngineCounters counters() const;
  // From the next step on, no request finds what earlier ones computed.
  void reset_prefix_cache();

 private:
  friend class Guard;  // shares the model: Guard::from
  struct Impl;
  explicit LLM(std::unique_ptr<Impl> impl);
  std::shared_ptr<LoadedModel> model() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
