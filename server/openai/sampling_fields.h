// The sampling fields that chat and text completions share, as vLLM names them.
#pragma once

#include "parapet/llm.h"
#include "server/json/fields.h"
#include "server/options.h"

namespace parapet::server {

// Reads them over the server's defaults; refuses those that would change the answer and cannot be
// honoured. `logprobs` and `max_tokens` differ between the two and are theirs.
void read_sampling(Fields& fields, const ServerOptions& options, SamplingParams& params);

struct StreamOptions {
  bool stream = false;
  bool include_usage = false;     // one more event at the end
  bool continuous_usage = false;  // and in each event
};
StreamOptions read_stream_options(Fields& fields);

}  // namespace parapet::server
