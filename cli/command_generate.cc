// parapet generate: what the model itself writes after a prompt.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "model_flags.h"
#include "parapet/llm.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

struct GenerateOptions {
  ModelOptions model;
  SamplingParams sampling;
  std::vector<std::string> prompts;
  bool chat = false;
  bool json = false;
};

std::string output_json(const RequestOutput& output) {
  ordered_json object;
  object["prompt"] = output.prompt;
  object["prompt_token_ids"] = output.prompt_token_ids;
  object["outputs"] = ordered_json::array();
  for (const CompletionOutput& completion : output.outputs) {
    object["outputs"].push_back({{"text", completion.text},
                                 {"token_ids", completion.token_ids},
                                 {"finish_reason", completion.finish_reason}});
  }
  object["usage"] = {{"prompt_tokens", output.usage.prompt_tokens},
                     {"completion_tokens", output.usage.completion_tokens}};
  object["timing_ms"] = {{"render", output.timing.render_ms},
                         {"prefill", output.timing.prefill_ms},
                         {"decode", output.timing.decode_ms},
                         {"total", output.timing.total_ms}};
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ExitStatus generate(const GenerateOptions& options) {
  auto llm = LLM::load(options.model);
  if (!llm) {
    print_error(llm.error());
    return exit_status(llm.error());
  }
  std::vector<Conversation> conversations;
  for (const std::string& prompt : options.prompts) conversations.push_back({{"user", prompt}});
  const auto outputs = options.chat ? llm->chat(conversations, options.sampling)
                                    : llm->generate(options.prompts, options.sampling);
  ExitStatus status = kExitSafe;
  for (const auto& output : outputs) {
    if (!output) {
      print_error(output.error());
      status = graver(status, exit_status(output.error()));
    } else if (options.json) {
      fmt::print("{}\n", output_json(*output));
    } else {
      for (const CompletionOutput& completion : output->outputs)
        fmt::print("{}\n", completion.text);
    }
  }
  return status;
}

void add_sampling_flags(CLI::App& command, SamplingParams& sampling) {
  command.add_option("-n,--max-tokens", sampling.max_tokens, "Most tokens to write")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--temperature", sampling.temperature,
                  "0 takes the most likely token; above, tokens are drawn")
      ->capture_default_str();
  command.add_option("--top-p", sampling.top_p, "Draw from the likeliest tokens of this mass")
      ->capture_default_str();
  command.add_option("--top-k", sampling.top_k, "Draw from the k likeliest tokens; 0: all")
      ->capture_default_str();
  command.add_option("--seed", sampling.seed, "Seed of the draws; the same seed, the same text");
  command.add_option("--stop-token-id", sampling.stop_token_ids, "Token ids that end the text");
  command.add_flag("--ignore-eos", sampling.ignore_eos, "Write on past the end token");
}

}  // namespace

void add_generate(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Continue a prompt");
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
