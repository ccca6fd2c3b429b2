// parapet generate: what the model itself writes after a prompt.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "generation_output.h"
#include "interruption.h"
#include "model_flags.h"
#include "parapet/llm.h"
#include "sampling_flags.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

struct GenerateOptions {
  ModelOptions model;
  SamplingParams sampling;
  std::vector<std::string> prompts;
  bool chat = false;
  bool json = false;
};

ExitStatus report(const Result<RequestOutput>& output, const GenerateOptions& options,
                  const ChatTokenizer& tokenizer) {
  if (!output) {
    print_error(output.error());
    return exit_status(output.error());
  }
  if (options.json) {
    fmt::print("{}\n", output_json(*output, options.sampling, tokenizer));
  } else {
    print_texts(*output);
  }
  return kExitSafe;
}

ExitStatus generate_batch(LLM& llm, const GenerateOptions& options) {
  std::vector<Conversation> conversations;
  for (const std::string& prompt : options.prompts) conversations.push_back({{"user", prompt}});
  const auto outputs = options.chat ? llm.chat(conversations, options.sampling)
                                    : llm.generate(options.prompts, options.sampling);
  ExitStatus status = kExitSafe;
  for (const auto& output : outputs) {
    status = graver(status, report(output, options, llm.tokenizer()));
  }
  return status;
}

// Prints the one answer to the one prompt as it is written.
ExitStatus generate_stream(LLM& llm, const GenerateOptions& options) {
  using namespace std::chrono_literals;
  const Interruption interruption;
  const auto promise = std::make_shared<std::promise<Result<RequestOutput>>>();
  auto answer = promise->get_future();
  const OnDelta on_delta = [](const OutputDelta& delta) { print_piece(delta.text); };
  const OnOutput on_output = [promise](Result<RequestOutput> output) {
    promise->set_value(std::move(output));
  };
  const std::string& prompt = options.prompts.front();
  const Conversation conversation = {{"user", prompt}};
  const RequestHandle request =
      options.chat ? llm.chat_async(conversation, options.sampling, on_delta, on_output)
                   : llm.generate_async(prompt, options.sampling, on_delta, on_output);
  while (answer.wait_for(50ms) == std::future_status::timeout) {
    if (interruption.came()) request.cancel();
  }
  const auto output = answer.get();
  fmt::print("\n");
  if (output || interruption.came()) return kExitSafe;
  print_error(output.error());
  return exit_status(output.error());
}

ExitStatus generate(const GenerateOptions& options) {
  auto llm = LLM::load(options.model);
  if (!llm) {
    print_error(llm.error());
    return exit_status(llm.error());
  }
  const bool one_answer = options.prompts.size() == 1 && options.sampling.n == 1;
  const bool someone_watches = !options.json && is_terminal(stdout);
  return one_answer && someone_watches ? generate_stream(*llm, options)
                                       : generate_batch(*llm, options);
}

}  // namespace

void add_generate(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Continue a prompt");
  command->footer(R"(
One answer on a terminal is printed while it is written; Ctrl-C ends it.

Examples:
  parapet generate --chat -p "Capital of France?" -n 32
  parapet generate -p "The guard" --n 3 --temperature 0.8 --top-p 0.9 --stop "."
  parapet generate --chat -p "Hack email account" --choice Safe --choice Unsafe --logprobs 5 --json)");
  command
      ->add_option(
          "-p,--prompt", options->prompts,
          "The prompt, as its author's own text: special tokens spelled in it are special. "
          "Repeat it for a batch")
      ->required()
      ->take_all();
  command->add_flag("--chat", options->chat,
                    "Put the prompt through the chat template as the user's message");
  command->add_flag("--json", options->json, "One JSON object a prompt, a line each");
  add_sampling_flags(*command, options->sampling);
  add_model_flags(*command, options->model);
  command->callback([options, chosen] {
    options->model.on_progress = progress_bar();
    chosen([options] { return generate(*options); });
  });
}

}  // namespace parapet::cli
