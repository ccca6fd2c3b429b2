// parapet e2e: accuracy of a model against what a configuration expects, in vLLM-Ascend's format.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "commands.h"
#include "model_flags.h"
#include "parapet/e2e.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

namespace fs = std::filesystem;

struct E2eCommand {
  E2eOptions options;
  std::vector<fs::path> configs;
  fs::path config_list;
  fs::path report_dir = "benchmarks/accuracy";
  bool write_reports = true;
  bool json = false;
};

void print_report(const E2eReport& report) {
  fmt::print("{}: {}\n", report.model_name, report.model);
  const Table table({28, 34, 20, 12, 4});
  table.print({{"task", Color::kBold},
               {"metric", Color::kBold},
               {"value", Color::kBold},
               {"passes from", Color::kBold}});
  for (const E2eRow& row : report.rows) {
    std::string value = row.value ? fmt::format("{:.4f}", *row.value) : "undefined";
    if (row.standard_error) value += fmt::format(" ± {:.4f}", *row.standard_error);
    table.print({{row.task},
                 {row.metric},
                 {value},
                 {fmt::format("{}{:.4f}", row.higher_is_better ? "≥ " : "≤ ", row.bound())},
                 {row.passed ? "✅" : "❌", row.passed ? Color::kGreen : Color::kRed}});
  }
}

Status write_report(const E2eReport& report, const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  const fs::path file = folder / (e2e_report_name(report) + ".md");
  std::ofstream stream(file);
  stream << e2e_markdown(report);
  stream.close();
  if (!stream) {
    return Error{ErrorCode::kIo,
                 "report '" + file.string() + "' cannot be written: " + std::strerror(errno)};
  }
  return {};
}

// YAML names, one a line, relative to the list; "#" begins a comment.
Status read_list(const fs::path& list, std::vector<fs::path>& configs) {
  std::ifstream stream(list);
  if (!stream) {
    return Error{ErrorCode::kIo, "config-list-file '" + list.string() + "' cannot be read"};
  }
  for (std::string line; std::getline(stream, line);) {
    line = line.substr(0, line.find('#'));
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    const std::size_t end = line.find_last_not_of(" \t\r");
    configs.push_back(list.parent_path() / line.substr(begin, end - begin + 1));
  }
  return {};
}

ExitStatus run_one(const E2eCommand& command, const fs::path& config) {
  E2eOptions options = command.options;
  options.config = config;
  const auto report = run_e2e(options);
  if (!report) {
    print_error(report.error());
    return exit_status(report.error());
  }
  if (command.json) {
    fmt::print("{}\n", e2e_json(*report));
  } else {
    print_report(*report);
  }
  if (command.write_reports) {
    if (const Status status = write_report(*report, command.report_dir); !status) {
      print_error(status.error());
      return exit_status(status.error());
    }
  }
  return report->passed() ? kExitSafe : kExitFailed;
}

ExitStatus run(E2eCommand& command) {
  if (!command.config_list.empty()) {
    if (const Status status = read_list(command.config_list, command.configs); !status) {
      print_error(status.error());
      return exit_status(status.error());
    }
  }
  if (command.configs.empty()) {
    print_error("no configuration: name a YAML file, or --config-list-file");
    return kExitBadInput;
  }
  if (command.configs.size() > 1 && !command.options.model.empty()) {
    print_error("--model is of one configuration; of several, name the folder with --models-dir");
    return kExitBadInput;
  }
  ExitStatus status = kExitSafe;
  for (const fs::path& config : command.configs) status = graver(status, run_one(command, config));
  return status;
}

fs::path this_program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

void add_where(CLI::App& command, E2eOptions& options) {
  CLI::Option* server =
      command.add_option("--server", options.server,
                         "Ask a running server, as http://host:8000, instead of loading the model: "
                         "Parapet's, or one with OpenAI's API");
  command.add_option("--api-key", options.api_key, "Of that server")->envname("OPENAI_API_KEY");
  command.add_option("-m,--model", options.model, "Checkpoint folder, for model_name")
      ->excludes(server);
  command
      .add_option("--models-dir", options.models_dir,
                  "Folder of checkpoint folders; model_name is looked for in it")
      ->excludes(server);
  command
      .add_option("--tp-size", options.tensor_parallel_size,
                  "In the place of serve.tensor_parallel_size")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--limit", options.limit, "In the place of limit: the first so many of each task")
      ->check(CLI::PositiveNumber);
  command.add_option("--device", options.device, "'cpu', or 'reference', which is plain and slow")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->excludes(server);
  command
      .add_option("-t,--threads", options.num_threads, "CPU threads; 0: all this process may use")
      ->check(CLI::Range(0, 1024))
      ->excludes(server);
  command
      .add_option("--lm-eval", options.lm_eval,
                  "Program of lm-evaluation-harness, for model_type vllm")
      ->capture_default_str();
}

// As a shell takes it back, with the key left out.
std::string command_line(const E2eCommand& command) {
  const E2eOptions& options = command.options;
  std::string text = "parapet e2e";
  for (const fs::path& config : command.configs) text += " " + config.string();
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", flag, value);
  };
  const auto number = [](std::int64_t value) { return value == 0 ? "" : std::to_string(value); };
  add("--config-list-file", command.config_list.string());
  add("--server", options.server);
  add("--model", options.model.string());
  add("--models-dir", options.models_dir.string());
  add("--tp-size", number(options.tensor_parallel_size));
  add("--limit", number(options.limit));
  add("--device", options.device);
  add("--threads", number(options.num_threads));
  return text;
}

constexpr const char* kFooter = R"(
A configuration is a YAML file as vLLM-Ascend's tests have: model_name, serve, tasks with metrics
and their values. model_type vllm-guard judges datasets with labels; vllm runs tasks of
lm-evaluation-harness that are on this machine, through a server. A value passes when it is no
worse than rtol (0.05) below its expectation; a better one always does. docs/e2e.md says more.

Exit status: 0 all values pass, 1 one does not, 2 bad input, 5 out of memory or a bug of ours.

Examples:
  parapet e2e tests/e2e/models/configs/parapet-guard-tiny.yaml
  parapet e2e Qwen3Guard-Gen-4B.yaml --model /models/Qwen3Guard-Gen-4B
  parapet e2e Qwen3Guard-Gen-4B.yaml --server http://ascend-machine:8000
  parapet e2e --config-list-file tests/e2e/models/configs/accuracy.txt --models-dir /models)";

}  // namespace

void add_e2e(CLI::App& app, const Chosen& chosen) {
  auto command = std::make_shared<E2eCommand>();
  CLI::App* e2e =
      app.add_subcommand("e2e", "Check a model's accuracy against a configuration's values");
  e2e->footer(kFooter);
  e2e->add_option("CONFIG,--config", command->configs, "YAML files");
  e2e->add_option("--config-list-file", command->config_list,
                  "File that lists YAML files, one a line");
  e2e->add_option("--report-dir", command->report_dir,
                  "Where the accuracy report is written, as MODEL.md")
      ->capture_default_str();
  e2e->add_flag("--report,!--no-report", command->write_reports, "Write the report (on)");
  e2e->add_flag("--json", command->json, "One JSON object a configuration, a line each");
  add_where(*e2e, command->options);
  e2e->callback([command, chosen] {
    command->options.on_progress = progress_bar();
    command->options.bundled_model = default_model();
    command->options.program = this_program();
    command->options.command = command_line(*command);
    chosen([command] { return run(*command); });
  });
}

}  // namespace parapet::cli
