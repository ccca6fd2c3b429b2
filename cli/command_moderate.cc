// parapet moderate: verdicts on prompts and responses, from the command line or from a stream.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "commands.h"
#include "engine_output.h"
#include "model_flags.h"
#include "parapet/guard.h"
#include "requests.h"
#include "terminal.h"
#include "verdict_output.h"

namespace parapet::cli {
namespace {

struct ModerateOptions {
  ModelOptions model;
  std::optional<std::string> prompt;
  std::optional<std::string> response;
  InputFormat input_format = InputFormat::kAuto;
  JudgeOptions judging;
  Policy policy = Policy::kStrict;
  bool json = false;
  bool verbose = false;
};

// Prints each answer as it comes and keeps the gravest exit status.
class Reporter {
 public:
  explicit Reporter(const ModerateOptions& options) : options_(options) {}

  void report(const Conversation& conversation, const Result<Verdict>& verdict) {
    if (!verdict) return report_error(conversation, verdict.error());
    if (verdict->error) {
      raise(exit_status(*verdict->error));
    } else if (is_blocked(*verdict, options_.policy)) {
      raise(kExitBlocked);
    }
    if (options_.json) {
      fmt::print("{}\n", verdict_json(*verdict));
    } else {
      print_head();
      print_verdict_row(conversation, *verdict, options_.policy);
      if (verdict->error) print_error(*verdict->error);
    }
  }

  void report_error(const Conversation& conversation, const Error& error) {
    raise(exit_status(error));
    if (options_.json) {
      fmt::print("{}\n", error_json(error));
    } else {
      print_head();
      print_error_row(conversation, error);
    }
    print_error(error);
  }

  ExitStatus status() const { return status_; }

 private:
  void raise(ExitStatus status) { status_ = graver(status_, status); }
  void print_head() {
    if (!head_printed_) print_verdict_head();
    head_printed_ = true;
  }

  const ModerateOptions& options_;
  ExitStatus status_ = kExitSafe;
  bool head_printed_ = false;
};

void judge(Guard& guard, const std::vector<Conversation>& conversations,
           const JudgeOptions& judging, Reporter& reporter) {
  const auto verdicts = guard.judge(conversations, judging);
  for (std::size_t i = 0; i < verdicts.size(); ++i) reporter.report(conversations[i], verdicts[i]);
  std::fflush(stdout);
}

// Judges what has arrived together, up to a batch; never waits for a batch to fill.
void judge_stream(Guard& guard, RequestReader& reader, const JudgeOptions& judging,
                  std::size_t max_batch, Reporter& reporter) {
  while (auto request = reader.next()) {
    std::vector<Conversation> batch;
    while (request) {
      if (!request->conversation) {
        judge(guard, batch, judging, reporter);  // answers keep the order of the lines
        batch.clear();
        reporter.report_error({}, request->conversation.error());
      } else {
        batch.push_back(std::move(*request->conversation));
      }
      if (batch.size() >= max_batch || !reader.has_buffered_input()) break;
      request = reader.next();
    }
    judge(guard, batch, judging, reporter);
  }
}

ExitStatus moderate(const ModerateOptions& options) {
  if (options.response && !options.prompt) {
    print_error("--response needs the prompt that it answers, as an argument");
    return kExitBadInput;
  }
  auto guard = Guard::load(options.model);
  if (!guard) {
    print_error(guard.error());
    return exit_status(guard.error());
  }
  if (options.verbose) fmt::print(stderr, "{}", engine_text(guard->info()));
  Reporter reporter(options);
  if (options.prompt) {
    Conversation conversation{{"user", *options.prompt}};
    if (options.response) conversation.push_back({"assistant", *options.response});
    judge(*guard, {conversation}, options.judging, reporter);
    return reporter.status();
  }
  if (::isatty(STDIN_FILENO) == 1) {
    print_error("reading prompts from the terminal, one a line; end with Ctrl-D");
  }
  std::ios::sync_with_stdio(false);
  RequestReader reader(std::cin, options.input_format);
  judge_stream(*guard, reader, options.judging,
               static_cast<std::size_t>(options.model.max_num_seqs), reporter);
  return reporter.status();
}

}  // namespace

void add_moderate(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<ModerateOptions>();
  CLI::App* command = app.add_subcommand("moderate", "Judge a prompt, or a response to it");
  command->footer(R"(
Without TEXT, requests are read from standard input, one a line: plain prompts, or JSON objects
{"prompt": "...", "response": "..."} or {"messages": [{"role": "user", "content": "..."}, ...]}.
What is judged is the last message: a response if the assistant's, else a prompt.)");
  command->add_option("TEXT", options->prompt, "The user's prompt");
  command->add_option("-r,--response", options->response,
                      "The assistant's response to TEXT, which is then judged");
  static const std::map<std::string, Policy> kPolicies = {{"strict", Policy::kStrict},
                                                          {"loose", Policy::kLoose}};
  command
      ->add_option("--policy", options->policy,
                   "What Controversial counts as in the exit status: 'strict' blocks it, 'loose' "
                   "lets it pass")
      ->transform(CLI::CheckedTransformer(kPolicies))
      ->default_str("strict");
  static const std::map<std::string, InputFormat> kFormats = {
      {"auto", InputFormat::kAuto}, {"lines", InputFormat::kLines}, {"jsonl", InputFormat::kJsonl}};
  command->add_option("--input-format", options->input_format, "'auto', 'lines' or 'jsonl'")
      ->transform(CLI::CheckedTransformer(kFormats))
      ->default_str("auto");
  command->add_flag("--stop-after-label", options->judging.stop_after_label,
                    "The label alone: one pass, neither categories nor refusal");
  command->add_flag("--windows,!--no-windows", options->judging.use_windows,
                    "Judge what is longer than the model in overlapping windows, the worst verdict "
                    "wins (on); off: refuse it");
  command->add_flag("--plain-decoding", options->judging.plain_decoding,
                    "Write the verdict token by token, as other engines do; for comparison");
  command->add_flag("--json", options->json, "One JSON object a line");
  command->add_flag("-v,--verbose", options->verbose,
                    "Tell on standard error what was loaded, cached and captured");
  add_model_flags(*command, options->model);
  command->callback([options, chosen] {
    options->model.on_progress = progress_bar();
    chosen([options] { return moderate(*options); });
  });
}

}  // namespace parapet::cli
