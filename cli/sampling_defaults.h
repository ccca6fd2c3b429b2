// What a checkpoint and the command line say about requests that leave sampling open.
#pragma once

#include <filesystem>
#include <string>

#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet::cli {

// `source` is "auto" (the checkpoint's generation_config.json), "vllm" (none) or a folder that has
// such a file; `overrides` is a JSON object or empty. A file that does not say "do_sample": true
// leaves answers greedy, whatever else it says: a guard must not roll dice unless asked.
Status read_sampling_defaults(const std::filesystem::path& model, const std::string& source,
                              const std::string& overrides, SamplingParams& params);

// Refuses a dtype that the checkpoint does not have.
Status check_dtype(const std::string& dtype, const std::filesystem::path& model);

}  // namespace parapet::cli
