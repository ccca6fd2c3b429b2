// parapet serve: the model behind HTTP, until someone ends it.
#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <memory>
#include <string>

#include "audit_flags.h"
#include "commands.h"
#include "parapet/llm.h"
#include "parapet/precision.h"
#include "serve_flags.h"
#include "server/console/console_routes.h"
#include "server/server.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using server::Log;

double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

// Where no bar can be drawn: a line when something begins to take long, every few seconds, and at
// its end.
class ProgressLines {
 public:
  explicit ProgressLines(const Log& log) : log_(log) {}

  void update(std::string_view task, std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (task != task_) {
      task_ = task;
      began_ = told_ = now;
    }
    const bool complete = done >= total;
    const std::chrono::duration<double> elapsed = now - began_;
    if (elapsed < std::chrono::seconds(1) || (!complete && now - told_ < std::chrono::seconds(5))) {
      return;
    }
    told_ = now;
    const auto percent = total == 0 ? 100 : done * 100 / total;
    log_.info(task_,
              {{"percent", static_cast<std::int64_t>(percent)}, {"seconds", elapsed.count()}});
    if (complete) task_.clear();
  }

 private:
  const Log& log_;
  std::string task_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point told_;
};

ProgressCallback progress_of(const Log& log, server::LogFormat format) {
  if (format == server::LogFormat::kText && is_terminal(stderr)) return progress_bar();
  auto lines = std::make_shared<ProgressLines>(log);
  return [lines](std::string_view task, std::uint64_t done, std::uint64_t total) {
    lines->update(task, done, total);
  };
}

// What vLLM's start-up log says, of this engine.
void log_engine(const Log& log, const EngineInfo& info) {
  log.info(fmt::format("Loading weights took {:.2f} seconds", info.load_seconds));
  log.info(fmt::format("Model loading took {:.4f} GiB memory and {:.6f} seconds",
                       gib(info.weight_bytes), info.load_seconds),
           {{"weight_bytes", info.weight_bytes}, {"dtype", info.weights_dtype}});
  log.info(fmt::format("Device: {} ({}, {} threads)", info.device, info.isa, info.num_threads));
  log.info(fmt::format("Available KV cache memory: {:.2f} GiB", gib(info.kv_cache_bytes)),
           {{"kv_cache_bytes", info.kv_cache_bytes}, {"dtype", info.kv_cache_dtype}});
  log.info(fmt::format("KV cache size: {} tokens", info.kv_cache_tokens),
           {{"kv_cache_tokens", info.kv_cache_tokens}, {"block_size", info.block_size}});
  log.info(fmt::format("Maximum concurrency for {} tokens per request: {:.2f}x", info.max_model_len,
                       info.max_concurrency()));
  if (info.num_captured_sizes == 0) {
    log.info("Eager mode: no graphs are captured");
  } else {
    log.info(fmt::format("Graph capturing finished in {:.3f} secs, took {:.2f} GiB",
                         info.capture_seconds, gib(info.capture_bytes)),
             {{"graphs", info.num_captured_sizes}});
  }
  log.info(fmt::format("init engine (load, create kv cache, capture) took {:.2f} seconds",
                       info.total_seconds));
}

ExitStatus fail(const Log& log, const Error& error) {
  log.error(fmt::format("{}: {}", to_string(error.code), error.message));
  return exit_status(error);
}

// What will be served, against float32. True where it may be.
Result<bool> passes_precision_check(const ServeOptions& options, const Log& log) {
  PrecisionOptions check;
  check.model = options.model;
  check.candidate = "served";
  check.few_prompts = true;
  check.max_tokens = 0;
  check.explain = false;
  check.hash_checkpoint = false;
  check.thresholds = options.precision;
  check.on_progress = progress_of(log, options.log_format);
  log.info("Precision check: comparing what will be served with float32...");
  const auto eval = eval_precision(check);
  if (!eval) return eval.error();
  const PrecisionMetrics& metrics = eval->metrics;
  log.write(
      eval->passed ? server::LogLevel::kInfo : server::LogLevel::kError,
      "Precision check: " + eval->verdict +
          (eval->passed ? "" : "; not served. parapet eval-precision --candidate served says more"),
      {{"token_agreement_rate_pct", metrics.token_agreement_pct()},
       {"min_cosine_similarity", metrics.min_cosine},
       {"avg_kl_divergence", metrics.avg_kl},
       {"max_abs_logit_diff", metrics.max_abs_diff},
       {"seconds", eval->total_seconds}});
  return eval->passed;
}

ExitStatus serve(ServeOptions& options) {
  if (const auto status = finish(options); !status) {
    print_error(status.error());
    return exit_status(status.error());
  }
  const Log log(options.log_format, options.log_level);
  for (const std::string& line : options.accepted) log.info(line);
  const auto audit =
      open_audit_log(options.audit, [&log](const std::string& line) { log.warning(line); });
  if (!audit) return fail(log, audit.error());
  auto bound = server::Server::bind(options.server, log, audit->get());
  if (!bound) return fail(log, bound.error());
  server::Server& server = **bound;
  for (server::Route& route : server::console_routes()) server.add(std::move(route));

  log.info("Starting to load model " + options.model.model.string() + "...",
           {{"version", std::string(version())}});
  options.model.on_progress = progress_of(log, options.log_format);
  if (options.precision_check) {
    const auto passes = passes_precision_check(options, log);
    if (!passes) return fail(log, passes.error());
    if (!*passes) return kExitFailed;
  }
  auto llm = LLM::load(options.model);
  if (!llm) return fail(log, llm.error());
  log_engine(log, llm->info());
  return server.run(std::move(*llm)) ? kExitSafe : kExitOurFault;
}

constexpr const char* kFooter = R"(
Every flag can also stand in the environment (--max-model-len: PARAPET_MAX_MODEL_LEN) or in a
--config file; the command line counts before the environment, and that before the file.

Examples:
  parapet serve /models/Qwen3Guard-Gen-4B --dtype bfloat16 --max-model-len 8192
  parapet serve --port 9000 --api-key sha256:$(printf %s "$KEY" | sha256sum | cut -d' ' -f1)
  parapet serve --config serve.yaml --log-format json)";

}  // namespace

void add_serve(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Serve verdicts and OpenAI's API over HTTP");
  command->footer(kFooter);
  add_serve_flags(*command, *options);
  static std::string config;  // read before the flags are: expand_arguments
  command->add_option("--config", config, "Flags from a YAML file: 'max-model-len: 8192'");
  for (CLI::Option* option : command->get_options()) {
    if (option->get_lnames().empty() || option->get_group().empty()) continue;
    std::string name = "PARAPET_" + option->get_lnames().front();
    for (char& c : name) {
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    if (name != "PARAPET_HELP") option->envname(name);
  }
  command->callback([options, chosen] { chosen([options] { return serve(*options); }); });
}

}  // namespace parapet::cli
