// One side of a comparison: a model whose logits, hidden states and op results can be read at any
// position, computed in the way that is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "device/numerics/numerics.h"
#include "device/numerics/op_taps.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "parapet/types.h"

namespace parapet {

struct ProbeOptions {
  // Folder, load_format, shape, seed, device, threads, quantization, activation_dtype,
  // kv_cache_dtype
  // ("auto" as an engine means it), max_model_len (0: what the model can, at most 8,192),
  // max_num_batched_tokens, on_progress. What concerns scheduling is not looked at.
  ModelOptions model;
  // "portable", "avx2", ...: kernels of the device "cpu"; empty: PARAPET_FORCE_ISA, else the best.
  std::string isa;
  // Beside what model.activation_dtype "bfloat16" rounds.
  Numerics numerics;
  // What stands before the device that ops go to; empty: nothing. How tests damage a model.
  std::function<std::unique_ptr<Device>(Device& device)> wrap = nullptr;
  bool keep_hidden = false;  // ProbeOutput::hidden
  bool keep_ops = false;     // ProbeOutput::ops; ops then run apart, each in float
};

// As what everything is compared with: the same checkpoint or shape on the same device, all in
// float32: unquantized where the checkpoint is, else its quantized matrices as the floats that they
// stand for; cached keys and values too.
ProbeOptions float32_reference(const ProbeOptions& candidate);

struct ProbePrompt {
  std::vector<TokenId> ids;             // one or more
  std::vector<std::int64_t> positions;  // ascending indices into ids: what is read after them
};

struct OpOutput {
  int layer = 0;  // -1: the embedding; num_hidden_layers: after the last
  OpName op = OpName::kEmbedding;
  std::int64_t features = 0;
  std::vector<float> values;  // [positions, features]
};

// Of one prompt; all at its `positions`, in their order.
struct ProbeOutput {
  std::vector<float> logits;  // [positions, vocab_size]
  // The embedding, then the residual stream after each layer: 1 + num_hidden_layers times
  // [positions, hidden_size].
  std::vector<std::vector<float>> hidden;
  std::vector<OpOutput> ops;  // in the order in which they run
};

class ForwardProbe {
 public:
  // As LLM::load, without tokenizer: kInvalidArgument names an option, kNotFound, kCorrupt and
  // kUnsupported a file, kResourceExhausted says what does not fit in memory.
  static Result<ForwardProbe> load(const ProbeOptions& options);

  ForwardProbe(ForwardProbe&&) noexcept;
  ForwardProbe& operator=(ForwardProbe&&) noexcept;
  ~ForwardProbe();

  // Becomes what load(options) would give. Weights are loaded anew only where other ones, another
  // device or other sizes are asked for, and then the old ones are given back first. After an error
  // it can only be reconfigured, assigned to or destroyed.
  Status reconfigure(const ProbeOptions& options);

  // Teacher-forced: one forward over the ids of every prompt, several prompts to a step; what
  // prompts begin with is computed once, and not again in later calls while the cache holds it. One
  // output a prompt, in order. No output depends on other prompts or calls. kInvalidArgument: an
  // id, or a position; kTooLong: a prompt.
  Result<std::vector<ProbeOutput>> run(std::span<const ProbePrompt> prompts);
  // The same, but at the asked positions every op is given what `reference` has as the inputs of
  // that op, instead of what came before it: the outputs' `ops` then differ from the reference's by
  // what each op alone does. Where the reference has hidden states and no ops, it is so with
  // layers: `hidden` then differs by what each layer alone does. Keys and values of positions that
  // are not asked for are this side's own. Prompts and what is kept are the reference's.
  Result<std::vector<ProbeOutput>> run_on_inputs_of(std::span<const ProbePrompt> prompts,
                                                    std::span<const ProbeOutput> reference);

  // Greedy continuations, of all prompts together: at most max_new_tokens each, ending before the
  // checkpoint's end tokens, if it names any.
  Result<std::vector<std::vector<TokenId>>> generate(std::span<const std::vector<TokenId>> prompts,
                                                     std::int64_t max_new_tokens);

  const ModelConfig& config() const;
  const DeviceInfo& device_info() const;
  const WeightsSummary& weights() const;  // shards, bytes, format of quantized matrices
  // Whether rounding the weights to bfloat16 changes none of them: all that are dense are of that
  // type.
  bool weights_are_bfloat16() const;
  DType kv_cache_dtype() const;
  const std::vector<TokenId>& end_tokens() const;
  std::int64_t max_prompt_tokens() const;
  double load_seconds() const;

 private:
  struct Impl;
  explicit ForwardProbe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
