// A generated answer as a line of JSON for machines, or as text for people.
#pragma once

#include <string>

#include "parapet/chat_tokenizer.h"
#include "parapet/llm.h"

namespace parapet::cli {

// {"prompt": ..., "prompt_token_ids": [...], "outputs": [{"text": ..., "token_ids": [...],
//  "finish_reason": ..., "stop_reason": the stop string or token id, "logprobs": ...,
//  "token_logprobs": ...}], "prompt_logprobs": ..., "usage": {...}, "timing_ms": {...}}
// Logprobs are a list a position, of {"token_id", "token", "logprob", "rank"}. Keys are always
// there; what is not known, or was not asked for, is null, as is a logprob of minus infinity.
std::string output_json(const RequestOutput& output, const SamplingParams& params,
                        const ChatTokenizer& tokenizer);
// Each answer's text and a line's end.
void print_texts(const RequestOutput& output);
// A piece of an answer, at once.
void print_piece(const std::string& text);

}  // namespace parapet::cli
