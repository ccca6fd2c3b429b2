// parapet bench: what this machine does with a model.
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>

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

template <class Bench>
ExitStatus report(const Result<Bench>& measured, bool json) {
  if (!measured) {
    print_error(measured.error());
    return exit_status(measured.error());
  }
  if (json) {
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
  app.add_option("--shape", options.model.shape,
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
    if (options.model.shape.empty() && options.model.model.empty()) {
      options.model.model = default_model();
    }
    options.model.on_progress = progress_bar();
    chosen([command, bench] { return report(bench(command->options), command->json); });
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

void add_latency(CLI::App& bench, const Chosen& chosen) {
  auto command = std::make_shared<BenchCommand<LatencyBenchOptions>>();
  CLI::App& app = *bench.add_subcommand(
      "latency", "One conversation at a time, against what this machine's peaks allow");
  LatencyBenchOptions& options = command->options;
  options.model.max_model_len = 512;
  options.model.max_num_seqs = 2;  // the KV cache is no larger than two need
  add_common(app, *command);
  app.add_option("--cached-tokens", options.cached_tokens, "Of the prompt, found in the cache")
      ->capture_default_str();
  app.add_option("--new-tokens", options.new_tokens, "Of the prompt, computed")
      ->capture_default_str();
  when_chosen(app, chosen, command, bench_latency);
}

struct KernelsCommand {
  KernelBenchOptions options;
  std::string isa;
  bool json = false;
};

void add_kernel_flags(CLI::App& app, KernelsCommand& command) {
  KernelBenchOptions& options = command.options;
  app.add_option("--shape", options.shape, "Sizes of '0.6b', '4b', '8b', or 'tiny'")
      ->capture_default_str();
  app.add_option("--format", options.formats,
                 "Of the weights: float32, bfloat16, float16, int8, int4; several with commas")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--rows", options.rows, "Tokens computed at once; several with commas")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--max-context", options.max_context, "Leaves out attention to longer contexts")
      ->capture_default_str();
  app.add_option("--kv-cache-dtype", options.kv_cache_dtype, "'float32', 'bfloat16' or 'int8'")
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Repetitions; medians are told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--device", options.device, "'cpu' or 'reference'")->capture_default_str();
  app.add_option("-t,--threads", options.num_threads, "CPU threads; 0: all this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--isa", command.isa,
                 "Instruction set of the kernels, as PARAPET_FORCE_ISA: 'portable', 'avx2', ...");
  app.add_flag("--json", command.json, "One JSON object");
}

void add_kernels(CLI::App& bench, const Chosen& chosen) {
  auto command = std::make_shared<KernelsCommand>();
  CLI::App& app = *bench.add_subcommand(
      "kernels", "This machine's peaks, and each kernel as a share of what they allow");
  app.footer(
      "\nof limit: the least time that the peaks allow, over the time measured. The peaks are\n"
      "measured again before and after each kernel.\n\n"
      "Example: parapet bench kernels --shape 4b --format int8 --rows 1,160");
  add_kernel_flags(app, *command);
  app.callback([command, chosen] {
    command->options.on_progress = progress_bar();
    chosen([command] {
      if (!command->isa.empty()) ::setenv("PARAPET_FORCE_ISA", command->isa.c_str(), 1);
      return report(bench_kernels(command->options), command->json);
    });
  });
}

ExitStatus print_card(const CardBenchOptions& options, bool markdown, bool chinese, bool json) {
  const auto measured = bench_card(options);
  if (!measured || !markdown) return report(measured, json);
  fmt::print("{}", bench_markdown(*measured, chinese));
  return kExitSafe;
}

void add_card(CLI::App& bench, const Chosen& chosen) {
  struct Command {
    BenchCommand<CardBenchOptions> bench;
    bool markdown = false;
    std::string language = "en";
  };
  auto command = std::make_shared<Command>();
  CLI::App& app = *bench.add_subcommand(
      "card", "The table of a model's card: loads, eager inference, graph capture, replay");
  app.footer(
      "\nDummy and real weights are loaded afresh, and once more for the graphs. Memory is what "
      "the\n"
      "process grew by. Both prompts are answered together, with nothing in the cache.\n\n"
      "Example: parapet bench card models/parapet-guard-tiny --markdown");
  CardBenchOptions& options = command->bench.options;
  options.model.max_model_len = 4096;  // as the card's own example
  add_common(app, command->bench);
  app.add_option("MODEL", options.model.model, "Checkpoint folder, as --model")
      ->excludes("--model")
      ->excludes("--shape");
  app.add_option("--output-tokens", options.output_tokens, "Of each of the two prompts' answers")
      ->capture_default_str();
  CLI::Option* markdown =
      app.add_flag("--markdown", command->markdown, "The table as the card has it")
          ->excludes("--json");
  app.add_option("--language", command->language, "Of the Markdown: 'en' or 'zh'")
      ->check(CLI::IsMember({"en", "zh"}))
      ->needs(markdown)
      ->capture_default_str();
  app.callback([command, chosen] {
    CardBenchOptions& of = command->bench.options;
    if (of.model.shape.empty() && of.model.model.empty()) of.model.model = default_model();
    of.model.on_progress = progress_bar();
    chosen([command] {
      return print_card(command->bench.options, command->markdown, command->language == "zh",
                        command->bench.json);
    });
  });
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
  CLI::App* bench =
      app.add_subcommand("bench", "Measure this machine, its kernels, whole models, and a server");
  bench->require_subcommand(1);
  add_kernels(*bench, chosen);
  add_latency(*bench, chosen);
  add_verdict(*bench, chosen);
  add_throughput(*bench, chosen);
  add_card(*bench, chosen);
  add_bench_serve(*bench, chosen);
}

}  // namespace parapet::cli
