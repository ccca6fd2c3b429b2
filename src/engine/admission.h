// Who may enter: everything a request can get wrong is found before it takes part in a step.
#pragma once

#include "engine/options.h"
#include "engine/request.h"
#include "parapet/error.h"

namespace parapet {

// kInvalidArgument, kTooLong (max_model_len) or kResourceExhausted (the KV cache, of which it may
// use num_blocks at most).
Status check_request(const GenerationRequest& request, const EngineLimits& limits,
                     std::int64_t num_blocks);

// The request's max_tokens, within what max_model_len leaves after the prompt.
std::int64_t allowed_output(const GenerationRequest& request, const EngineLimits& limits);

}  // namespace parapet
