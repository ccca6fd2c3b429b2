// Flags of vLLM's command line that change nothing here, and those that cannot be honoured.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace parapet::cli {

// What was given and changes nothing is appended to `accepted`, with the reason; what cannot be
// honoured fails the parsing, with the reason.
void add_vllm_flags(CLI::App& command, std::vector<std::string>& accepted);

}  // namespace parapet::cli
