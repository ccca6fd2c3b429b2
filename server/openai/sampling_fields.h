// The sampling fields that chat and text completions share, as vLLM names them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "parapet/llm.h"
#include "server/json/fields.h"
#include "server/options.h"

namespace parapet::server {

// Reads them over the server's defaults; refuses those that would change the answer and cannot be
// honoured. `logprobs` and `max_tokens` differ between the two and are theirs.
void read_sampling(Fields& fields, const ServerOptions& options, SamplingParams& params);

// A number of likely tokens: up to the server's limit; without one, -1 means all, as in vLLM.
void read_top(Fields& fields, const ServerOptions& options, std::string_view name,
              std::optional<std::int64_t>& top);
// logprob_token_ids, and logprobs of that many likely tokens (`top`; empty: none) otherwise. What
// is told of the former stands in `logprobs`, so they are refused without.
void read_logprob_token_ids(Fields& fields, std::optional<std::int64_t> top,
                            SamplingParams& params);

struct StreamOptions {
  bool stream = false;
  bool include_usage = false;     // one more event at the end
  bool continuous_usage = false;  // and in each event
};
// Refuses what cannot be streamed.
StreamOptions read_stream_options(Fields& fields, const SamplingParams& params);

// truncate_prompt_tokens and truncation_side.
struct Truncation {
  std::optional<std::int64_t> most;
  bool keep_first = false;  // else the last ones
  void apply(std::vector<TokenId>& prompt) const;
};
Truncation read_truncation(Fields& fields);

}  // namespace parapet::server
