// parapet eval-precision: one way to run a model against another, and whether that is close enough.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "model_flags.h"
#include "parapet/precision.h"
#include "precision_output.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

struct EvalPrecisionArguments {
  PrecisionOptions options;
  std::string output;
  std::vector<std::string> reports;
  ReportLanguage language = ReportLanguage::kEnglish;
  bool no_explanation = false;
  bool json = false;
};

Status write_text(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (stream) return {};
  return Error{ErrorCode::kIo, file + ": cannot be written"};
}

bool is_html(const std::string& file) { return file.ends_with(".html") || file.ends_with(".htm"); }

Status write_files(const EvalPrecisionArguments& arguments, const PrecisionEval& eval) {
  if (!arguments.output.empty()) {
    if (auto status = write_text(arguments.output, precision_json(eval)); !status) return status;
  }
  for (const std::string& file : arguments.reports) {
    const std::string text = is_html(file) ? precision_html(eval, arguments.language)
                                           : precision_markdown(eval, arguments.language);
    if (auto status = write_text(file, text); !status) return status;
  }
  return {};
}

// Known before minutes of work, not after.
Status check_reports(const std::vector<std::string>& reports) {
  for (const std::string& file : reports) {
    if (is_html(file) || file.ends_with(".md")) continue;
    return Error{ErrorCode::kInvalidArgument,
                 "report '" + file + "': expected a name that ends in .html or .md"};
  }
  return {};
}

ExitStatus run_eval_precision(EvalPrecisionArguments& arguments) {
  const auto fail = [](const Error& error) {
    print_error(error);
    return exit_status(error);
  };
  if (const auto status = check_reports(arguments.reports); !status) return fail(status.error());
  arguments.options.explain = !arguments.no_explanation;
  const auto eval = eval_precision(arguments.options);
  if (!eval) return fail(eval.error());
  if (const auto status = write_files(arguments, *eval); !status) return fail(status.error());
  if (arguments.json) {
    fmt::print("{}", precision_json(*eval));
  } else {
    print_precision(*eval);
  }
  return eval->passed ? kExitSafe : kExitFailed;
}

constexpr const char* kFooter = R"(
A side is one of
  cpu:float32        everything in float32: what others are held against
  cpu:bfloat16       every value rounded to bfloat16 where an accelerator rounds it
  cpu:int8 cpu:int4  matrices quantized, as 'parapet serve --quantization' serves them
  served             as 'parapet serve' runs the checkpoint, with the engine's flags given here
  reference:float32  plain loops, slow: checks the fast kernels; cpu@portable:float32 others of them
  http://HOST:8000   a server that has the same model: Parapet, vLLM, vLLM-Ascend, llama.cpp
  FILE.safetensors   logits that were dumped before, or by another framework
One side runs after the other, so one model at a time is in memory.

Exit status: 0 all thresholds are met; 1 one is missed; 2 bad input.

Examples:
  parapet eval-precision Qwen3Guard-Gen-4B --candidate cpu:int8 --report report.html
  parapet eval-precision Qwen3Guard-Gen-4B --candidate http://npu-host:8000 \
      --output precision_eval.json --report report.md --lang zh
  parapet eval-precision --shape 4b --candidate cpu:bfloat16
  parapet eval-precision --prompts traffic.jsonl --positions generated --dump-logits ref.safetensors)";

void add_sides(CLI::App& command, PrecisionOptions& options) {
  constexpr const char* kHeading = "What is compared";
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group(kHeading)->capture_default_str();
  };
  options.model.model = default_model();
  CLI::Option* model =
      add("MODEL,-m,--model", options.model.model, "Checkpoint folder, as the model hub has it")
          ->default_str("the bundled parapet-guard-tiny, or $PARAPET_MODEL");
  add("--shape", options.model.shape,
      "Random weights of a published size: '0.6b', '4b', '8b', or 'tiny'")
      ->excludes(model)
      ->default_str("");
  add("--tokenizer", options.tokenizer, "Folder of the tokenizer and template for --shape")
      ->default_str("the bundled model's");
  add("--reference", options.reference, "The side that is right by definition; no server");
  add("--reference-model", options.reference_model,
      "Checkpoint that the reference runs, as a quantized one's original")
      ->default_str("the same");
  add("--candidate", options.candidate, "The side that is held against it");
  add("--api-key", options.api_key, "Of a server")->envname("PARAPET_API_KEY")->default_str("");
  add("--top-logprobs", options.top_logprobs,
      "Likely tokens to ask a server for; 0: as many as it gives")
      ->check(CLI::NonNegativeNumber);
}

void add_prompts(CLI::App& command, PrecisionOptions& options) {
  constexpr const char* kHeading = "On what";
  command
      .add_option("--prompts", options.prompts,
                  "JSONL file: {\"text\": ...} as it is; {\"prompt\": ..., \"response\": ...} or "
                  "{\"messages\": [...]} through the template; {\"prompt_token_ids\": [...]}")
      ->group(kHeading)
      ->default_str("the published card's fourteen");
  command.add_option("--max-prompts", options.max_prompts, "The first so many; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->group(kHeading)
      ->capture_default_str();
  static const std::map<std::string, PrecisionPositions> kPositions = {
      {"last", PrecisionPositions::kLast},
      {"generated", PrecisionPositions::kGenerated},
      {"all", PrecisionPositions::kAll}};
  command
      .add_option("--positions", options.positions,
                  "'last': each answer's first token and each verdict's label; 'generated': all "
                  "of the reference's answer; 'all': all of the prompt, too")
      ->transform(CLI::CheckedTransformer(kPositions))
      ->group(kHeading)
      ->default_str("last");
  command
      .add_option("--max-tokens", options.max_tokens,
                  "Longest answer to write and compare; 0: none, which saves the time")
      ->check(CLI::NonNegativeNumber)
      ->group(kHeading)
      ->capture_default_str();
}

void add_thresholds(CLI::App& command, PrecisionThresholds& thresholds) {
  const auto add = [&](const char* name, double& value, double most, const char* help) {
    command.add_option(name, value, help)
        ->check(CLI::Range(0.0, most))
        ->group("Thresholds")
        ->capture_default_str();
  };
  add("--min-token-agreement", thresholds.min_token_agreement_pct, 100,
      "Rows whose most likely token is the same, in percent");
  add("--min-cosine", thresholds.min_cosine, 1, "Cosine similarity, of every row");
  add("--min-pearson", thresholds.min_pearson, 1, "Pearson correlation, on average");
  add("--max-kl", thresholds.max_kl_divergence, 1e9, "KL divergence, on average");
  add("--min-label-match", thresholds.min_label_match_pct, 100,
      "Verdicts with the reference's label, in percent");
}

void add_results(CLI::App& command, EvalPrecisionArguments& arguments) {
  constexpr const char* kHeading = "Results";
  command.add_option("-o,--output", arguments.output, "JSON file to write")->group(kHeading);
  command
      .add_option("--report", arguments.reports,
                  "Report to write: .html with plots, or .md to paste; may be given twice")
      ->group(kHeading)
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  static const std::map<std::string, ReportLanguage> kLanguages = {
      {"en", ReportLanguage::kEnglish}, {"zh", ReportLanguage::kChinese}};
  command.add_option("--lang", arguments.language, "Of reports: 'en' or 'zh'")
      ->transform(CLI::CheckedTransformer(kLanguages))
      ->group(kHeading)
      ->default_str("en");
  command
      .add_option("--dump-logits", arguments.options.dump_logits,
                  "Keep the reference's logits in this safetensors file, which must be new")
      ->group(kHeading);
  command
      .add_flag("--no-explanation", arguments.no_explanation,
                "Leave out why the two differ, which runs the model several times more")
      ->group(kHeading);
  command
      .add_flag("--other-kernels", arguments.options.other_kernels,
                "Explain with this machine's portable kernels too, which are slow")
      ->group(kHeading);
  command.add_flag("--json", arguments.json, "Print the JSON")->group(kHeading);
}

}  // namespace

void add_eval_precision(CLI::App& app, const Chosen& chosen) {
  auto arguments = std::make_shared<EvalPrecisionArguments>();
  PrecisionOptions& options = arguments->options;
  CLI::App* command = app.add_subcommand(
      "eval-precision", "Compare a backend, a format or a server with float32, logit by logit");
  command->footer(kFooter);
  add_sides(*command, options);
  add_prompts(*command, options);
  add_thresholds(*command, options.thresholds);
  add_results(*command, *arguments);
  const auto before = command->get_options();
  add_engine_flags(*command, options.model);
  for (CLI::Option* option : command->get_options()) {
    if (std::ranges::find(before, option) == before.end()) option->group("Engine");
  }
  command->callback([arguments, chosen] {
    PrecisionOptions& given = arguments->options;
    if (!given.model.shape.empty() && given.tokenizer.empty()) given.tokenizer = default_model();
    given.on_progress = progress_bar();
    chosen([arguments] { return run_eval_precision(*arguments); });
  });
}

}  // namespace parapet::cli
