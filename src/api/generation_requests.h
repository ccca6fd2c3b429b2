// From what a caller of the public API asks to what the engine is asked.
#pragma once

#include <vector>

#include "api/loaded_model.h"
#include "engine/request.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

// One request for each of the params' n answers, without prompts. ErrorCode::kInvalidArgument where
// strings of the params mean nothing to this model's tokenizer.
Result<std::vector<GenerationRequest>> make_requests(LoadedModel& model,
                                                     const SamplingParams& params);

// Gives a request its prompt. A guard's brings a draft of its answer, and shares the policy with
// everyone, whatever its salt.
void set_prompt(const LoadedModel& model, const SamplingParams& params, std::vector<TokenId> prompt,
                GenerationRequest& request);

}  // namespace parapet
