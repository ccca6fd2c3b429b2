// parapet bench serve: a server under load.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>

#include "bench_serve_output.h"
#include "commands.h"
#include "model_flags.h"
#include "server/bench/serve_bench.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using server::ServeBenchOptions;

struct ServeBenchCommand {
  ServeBenchOptions options;
  std::string mix = "verdicts";
  double seconds = 5;
  std::int64_t deadline_ms = 500;
  bool json = false;
};

constexpr const char* kFooter = R"(
Requests arrive at random times (Poisson), whether or not earlier ones are answered, and their
latency counts from when they should have been sent. First the capacity is measured, with --concurrency
requests at once; the loads are multiples of it. A refusal is a 429, a 503, or the verdict Unavailable;
goodput is what is answered within the deadline. A server of its own also tells what HTTP costs on top
of the engine, and how long it takes to drain. Client and server share this machine's processors.

Examples:
  parapet bench serve
  parapet bench serve --mix health --load 0.5
  parapet bench serve --url http://127.0.0.1:8000 --rate 50,100,200 --deadline-ms 200
  parapet bench serve --mix verdicts=8,chat=1,moderations=1 --duration 20 --json)";

void add_target(CLI::App& app, ServeBenchOptions& options) {
  CLI::Option* url =
      app.add_option("--url", options.url,
                     "Of a server that runs: http://HOST:PORT or unix:PATH (one of its own)");
  app.add_option("--api-key", options.api_key, "Of that server")->needs(url);
  app.add_option("-m,--model", options.model.model, "Checkpoint folder of a server of its own")
      ->excludes(url)
      ->default_str("the bundled parapet-guard-tiny, or $PARAPET_MODEL");
  app.add_option("--shape", options.model.shape,
                 "Dummy weights of a published size, with that folder's tokenizer and template: "
                 "'0.6b', '4b' or '8b'. They write no verdicts, but cost what these cost")
      ->excludes(url);
  static const std::map<std::string, server::OnOverload> kChoices = {
      {"refuse", server::OnOverload::kRefuse}, {"flag", server::OnOverload::kFlag}};
  app.add_option("--on-overload", options.on_overload, "As of parapet serve: 'refuse' or 'flag'")
      ->transform(CLI::CheckedTransformer(kChoices))
      ->excludes(url)
      ->default_str("refuse");
  app.add_option("--max-waiting", options.max_waiting, "As of parapet serve")
      ->check(CLI::NonNegativeNumber)
      ->excludes(url)
      ->capture_default_str();
}

void add_load(CLI::App& app, ServeBenchCommand& command) {
  ServeBenchOptions& options = command.options;
  CLI::Option* rate =
      app.add_option("--rate", options.rates, "Requests a second; several with commas")
          ->delimiter(',');
  app.add_option("--load", options.multiples, "Multiples of the capacity; several with commas")
      ->delimiter(',')
      ->excludes(rate)
      ->capture_default_str();
  app.add_option("--duration", command.seconds, "Seconds of each load, in each round")
      ->capture_default_str();
  app.add_option("--deadline-ms", command.deadline_ms,
                 "Sent along, and what goodput counts; 0: none")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app.add_option("--mix", command.mix,
                 "What is asked: verdicts, chat, moderations, health; with shares, "
                 "verdicts=8,chat=1")
      ->capture_default_str();
  app.add_option("--words", options.mix.words, "Words of a text")->capture_default_str();
  app.add_option("--texts", options.mix.texts,
                 "So many different texts, again and again, whose tokens the cache holds; 0: each "
                 "is a new one")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("-c,--concurrency", options.concurrency,
                 "Requests at once that measure the capacity")
      ->capture_default_str();
  app.add_option("--max-connections", options.max_connections,
                 "Connections of the client; what finds none free waits")
      ->capture_default_str();
  app.add_option("--pairs", options.pairs,
                 "Verdicts a round, over HTTP and in process by turns; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Repetitions; medians are told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", command.json, "One JSON object");
}

ExitStatus run(ServeBenchCommand& command) {
  ServeBenchOptions& options = command.options;
  options.duration = std::chrono::duration<double>(command.seconds);
  options.deadline = std::chrono::milliseconds(command.deadline_ms);
  options.on_progress = progress_bar();
  if (options.model.model.empty()) options.model.model = default_model();
  const auto shares = server::parse_mix(command.mix);
  if (shares) options.mix.shares = *shares;
  const auto measured = shares ? server::bench_serve(options) : shares.error();
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

}  // namespace

void add_bench_serve(CLI::App& bench, const Chosen& chosen) {
  auto command = std::make_shared<ServeBenchCommand>();
  CLI::App& app = *bench.add_subcommand(
      "serve", "A server under load: capacity, latency, goodput, refusals, drain");
  app.footer(kFooter);
  add_target(app, command->options);
  add_load(app, *command);
  add_engine_flags(app, command->options.model);
  app.callback([command, chosen] { chosen([command] { return run(*command); }); });
}

}  // namespace parapet::cli
