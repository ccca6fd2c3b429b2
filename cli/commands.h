// The commands of `parapet`. Each adds its own subcommand; what it returns runs after parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "exit_status.h"

namespace parapet::cli {

using Command = std::function<ExitStatus()>;

// Adds the subcommand to `app` and calls `chosen` with its action when the user picked it.
using Chosen = std::function<void(Command)>;

void add_moderate(CLI::App& app, const Chosen& chosen);
void add_generate(CLI::App& app, const Chosen& chosen);
void add_tokenize(CLI::App& app, const Chosen& chosen);
void add_inspect(CLI::App& app, const Chosen& chosen);
void add_quantize(CLI::App& app, const Chosen& chosen);
void add_audit(CLI::App& app, const Chosen& chosen);
void add_bench(CLI::App& app, const Chosen& chosen);
void add_eval_precision(CLI::App& app, const Chosen& chosen);
void add_e2e(CLI::App& app, const Chosen& chosen);
void add_bench_serve(CLI::App& bench, const Chosen& chosen);  // below `parapet bench`
void add_serve(CLI::App& app, const Chosen& chosen);
void add_completion(CLI::App& app, const Chosen& chosen);

}  // namespace parapet::cli
