// parapet bench: what this machine does with a model.
#include <fmt/format.h>

#include <memory>

#include "bench_output.h"
#include "commands.h"
#include "model_flags.h"
#include "parapet/bench.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

template <class Options>
struct BenchCommand {
  Options options;
  bool json = false;
};

template <class Options, class Bench>
ExitStatus run(const BenchCommand<Options>& command, Result<Bench> (*bench)(const Options&)) {
  const auto measured = bench(command.options);
  if (!measured) {
    print_error(measured.error());
    return exit_status(measured.error());
  }
  if (command.json) {
    fmt::print("{}\n", bench_json(*measured));
  } else {
    print_bench(*measured);
  }
  return kExitSafe;
}

// --model or --shape, and all that runs them.
template <class Options>
void add_common(CLI::App& app, BenchCommand<Options>& command) {
  BenchOptions& options = command.options;
  CLI::Option* model = app.add_option("-m,--model", options.model.model, "Checkpoint folder");
  app.add_option("--shape", options.shape,
                 "Dummy weights of a published size: '0.6b', '4b', '8b', or 'tiny'")
      ->excludes(model);
  app.add_option("--rounds", options.rounds, "Repetitions; medians are told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", command.json, "One JSON object");
  add_engine_flags(app, options.model);
}

template <class Options, class Bench>
void when_chosen(CLI::App& app, const Chosen& chosen,
                 const std::shared_ptr<BenchCommand<Options>>& command,
                 Result<Bench> (*bench)(const Options&)) {
  app.callback([command, chosen, bench] {
    BenchOptions& options = command->options;
    if (options.shape.empty() && options.model.model.empty()) options.model.model = default_model();
    options.model.on_progress = progress_bar();
    chosen([command, bench] { return run(*command, bench); });
  });
}

void add_verdict(CLI::App& bench, const Chosen& chosen) {
  auto command = std::make_shared<BenchCommand<VerdictBenchOptions>>();
  CLI::App& app = *bench.add_subcommand(
      "verdict", "A verdict against one forward pass and against greedy decoding");
  VerdictBenchOptions& options = command->options;
  options.model.max_model_len = 1024;
  add_common(app, *command);
  app.add_option("--policy-tokens", options.policy_tokens, "Warm beginning of every prompt")
      ->capture_default_str();
  app.add_option("--text-tokens", options.text_tokens, "The text under judgement")
      ->capture_default_str();
  app.add_option("--tail-tokens", options.tail_tokens, "What the template writes after it")
      ->capture_default_str();
  app.add_option("-c,--concurrency", options.concurrency, "Also measured with so many at once")
      ->capture_default_str();
  when_chosen(app, chosen, command, bench_verdict);
}

void add_throughput(CLI::App& bench, const Chosen& chosen) {
  auto command = std::make_shared<BenchCommand<ThroughputBenchOptions>>();
  CLI::App& app = *bench.add_subcommand("throughput", "Many requests at once, offline");
  ThroughputBenchOptions& options = command->options;
  options.rounds = 3;
  options.model.max_model_len = 1024;
  add_common(app, *command);
  app.add_option("--requests", options.num_requests, "Requests a round")->capture_default_str();
  app.add_option("--shared-tokens", options.shared_tokens, "Tokens that all prompts begin with")
      ->capture_default_str();
  app.add_option("--own-tokens", options.own_tokens, "Tokens of a prompt of its own")
      ->capture_default_str();
  app.add_option("--output-tokens", options.output_tokens, "Tokens of an answer")
      ->capture_default_str();
  when_chosen(app, chosen, command, bench_throughput);
}

}  // namespace

void add_bench(CLI::App& app, const Chosen& chosen) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine with a model");
  bench->require_subcommand(1);
  add_verdict(*bench, chosen);
  add_throughput(*bench, chosen);
}

}  // namespace parapet::cli
