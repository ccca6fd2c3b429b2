// parapet: one command, a subcommand a job.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <new>

#include "commands.h"
#include "parapet/types.h"
#include "serve_arguments.h"
#include "terminal.h"

namespace {

constexpr const char* kFooter = R"(
Exit status: 0 done, and every verdict passes the policy; 1 an evaluation missed its thresholds;
2 bad input; 3 blocked; 4 the model gave no verdict; 5 out of memory or a bug of ours.

Examples:
  parapet moderate "How can I make a bomb?"
  parapet moderate --response "I can't help with that." "How can I make a bomb?"
  parapet moderate --json < requests.jsonl
  parapet serve --port 8000
  parapet inspect models/parapet-guard-tiny
  parapet quantize models/parapet-guard-tiny parapet-guard-tiny-int8
  parapet eval-precision --candidate cpu:int8 --report report.html
  parapet bench verdict --shape 0.6b
  parapet e2e tests/e2e/models/configs/parapet-guard-tiny.yaml)";

int run(int argc, char** argv) {
  CLI::App app{"Parapet runs safety-guard language models: a conversation in, a verdict out."};
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("parapet ") + parapet::version());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);

  parapet::cli::Command command;
  const auto chosen = [&](parapet::cli::Command picked) { command = std::move(picked); };
  parapet::cli::add_moderate(app, chosen);
  parapet::cli::add_serve(app, chosen);
  parapet::cli::add_generate(app, chosen);
  parapet::cli::add_tokenize(app, chosen);
  parapet::cli::add_inspect(app, chosen);
  parapet::cli::add_quantize(app, chosen);
  parapet::cli::add_eval_precision(app, chosen);
  parapet::cli::add_audit(app, chosen);
  parapet::cli::add_bench(app, chosen);
  parapet::cli::add_e2e(app, chosen);
  parapet::cli::add_completion(app, chosen);

  auto arguments = parapet::cli::expand_arguments({argv + 1, argv + argc});
  if (!arguments) {
    parapet::cli::print_error(arguments.error());
    return parapet::cli::kExitBadInput;
  }
  std::ranges::reverse(*arguments);  // as CLI11 takes them
  try {
    app.parse(std::move(*arguments));
  } catch (const CLI::ParseError& error) {
    const bool wanted = error.get_exit_code() == 0;  // --help and --version arrive this way too
    app.exit(error);
    return wanted ? parapet::cli::kExitSafe : parapet::cli::kExitBadInput;
  }
  return command();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    parapet::cli::print_error("out of memory");
  } catch (const std::exception& error) {
    parapet::cli::print_error(std::string("internal error: ") + error.what());
  }
  return parapet::cli::kExitOurFault;
}
