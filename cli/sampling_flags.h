// The flags that say how an answer is written: one a field of SamplingParams, named as vLLM's.
#pragma once

#include <CLI/CLI.hpp>

#include "parapet/llm.h"

namespace parapet::cli {

// `params` must live until the arguments are parsed.
void add_sampling_flags(CLI::App& command, SamplingParams& params);

}  // namespace parapet::cli
