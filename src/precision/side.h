// One side of a comparison, whatever computes it: asked for answers, then for logits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/precision.h"
#include "parapet/types.h"
#include "precision/metrics.h"

namespace parapet {

// Tokens that both sides are given, whatever they would have written.
struct ForcedSequence {
  std::string name;  // "prompt.3", "label.3": in dumps and messages
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;  // ascending: the logits after ids[0..position] are compared
};

// Of one sequence, at its positions, in their order: whole rows, or what a server tells of them.
struct SideRows {
  std::vector<float> logits;        // [positions, vocab]; else empty
  std::vector<TokenLogprobs> told;  // [positions]; else empty
};

struct ExplainOptions {
  std::filesystem::path reference_model;  // whose float32 it is held against
  bool other_kernels = false;
  ProgressCallback on_progress;
};

class Side {
 public:
  virtual ~Side() = default;
  virtual PrecisionSide describe() const = 0;
  virtual std::int64_t vocab_size() const = 0;  // 0: a server does not tell

  // Greedy answers to all prompts, of at most so many tokens, without their end token. A dump has
  // those that were made when it was, or none.
  virtual bool can_answer() const = 0;
  virtual Result<std::vector<std::vector<TokenId>>> answers(
      std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens) = 0;
  // One a sequence, in order.
  virtual Result<std::vector<SideRows>> rows(std::span<const ForcedSequence> sequences) = 0;

  // Why it differs from float32, which only what runs here can be asked: else empty. Runs each
  // sequence some twenty times. It is the last thing that a side is asked.
  virtual Result<std::optional<PrecisionExplanation>> explain(
      std::span<const ForcedSequence> /*sequences*/, const ExplainOptions& /*options*/) {
    return std::optional<PrecisionExplanation>();
  }
};

}  // namespace parapet
