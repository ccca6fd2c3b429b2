// Where in the answer the label is chosen, and between which tokens.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "guard/taxonomy.h"
#include "parapet/error.h"
#include "text/tokenizer.h"

namespace parapet {

// "Safety: Safe", "Safety: Controversial" and "Safety: Unsafe" share their first tokens and part at
// one: with Qwen3's tokenizer after `Safety`, `:`, at ` Safe`, ` Cont`, ` Unsafe`.
struct LabelTokens {
  std::vector<TokenId> head;            // the tokens before the label, the same for all
  std::array<TokenId, 3> first_tokens;  // in the order of kAllSafety, pairwise different

  // ErrorCode::kUnsupported where a tokenizer does not tell the labels apart at one token.
  static Result<LabelTokens> find(const Tokenizer& tokenizer);
};

// From the log-probabilities of first_tokens. ErrorCode::kNumeric where they are not numbers.
Result<LabelProbabilities> label_probabilities(std::span<const float, 3> logprobs);

}  // namespace parapet
