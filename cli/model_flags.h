// The flags that say which model to run and where: the same for every command, named as vLLM's.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "parapet/llm.h"

namespace parapet::cli {

// The model that is judged with when none is named: $PARAPET_MODEL, else the bundled one, found
// beside the build or the installation of this program.
std::filesystem::path default_model();

// --model DIR
void add_model_folder(CLI::App& command, std::filesystem::path& folder);
// --template-tokens template|hf
void add_template_tokens(CLI::App& command, TemplateTokens& tokens);
// How to load a model, wherever it comes from, and how to run it.
void add_engine_flags(CLI::App& command, ModelOptions& options);
// --model and everything that loading and running it takes.
void add_model_flags(CLI::App& command, ModelOptions& options);

}  // namespace parapet::cli
