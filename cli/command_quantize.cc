// parapet quantize: a checkpoint made smaller, once, so that every start is a memory map.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "interruption.h"
#include "numbers.h"
#include "parapet/quantize.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

struct QuantizeArguments {
  QuantizeOptions options;
  bool json = false;
};

std::string summary_json(const QuantizeArguments& arguments, const QuantizeSummary& summary) {
  ordered_json errors = ordered_json::array();
  for (const QuantizationError& error : summary.errors) {
    errors.push_back({{"kind", error.kind},
                      {"format", error.format},
                      {"group_size", error.group_size},
                      {"num_tensors", error.num_tensors},
                      {"mean_error", error.mean},
                      {"max_error", error.max}});
  }
  return ordered_json{
      {"source", arguments.options.source.string()},
      {"destination", arguments.options.destination.string()},
      {"format", summary.format},
      {"group_size", summary.group_size},
      {"dense_layers", summary.dense_layers},
      {"num_parameters", summary.num_parameters},
      {"bytes_before", summary.bytes_before},
      {"bytes_after", summary.bytes_after},
      {"seconds", summary.seconds},
      {"errors", errors},
  }
      .dump(2);
}

void print_summary(const QuantizeArguments& arguments, const QuantizeSummary& summary) {
  fmt::print("{}: {} in groups of {}{}, {} from {} in {:.1f} s\n\n",
             one_line(arguments.options.destination.string(), 1000), summary.format,
             summary.group_size, dense_layers_text(summary.dense_layers),
             human_bytes(summary.bytes_after), human_bytes(summary.bytes_before), summary.seconds);
  const Table table({14, 8, 7, 9, 10, 10});
  table.print({{"Matrices", Color::kDim},
               {"", Color::kDim},
               {"groups", Color::kDim},
               {"how many", Color::kDim},
               {"error", Color::kDim},
               {"largest", Color::kDim}});
  for (const QuantizationError& error : summary.errors) {
    table.print({{error.kind},
                 {error.format},
                 {std::to_string(error.group_size)},
                 {grouped(error.num_tensors)},
                 {fmt::format("{:.3f}%", error.mean * 100)},
                 {fmt::format("{:.3f}%", error.max * 100)}});
  }
  fmt::print("\nErrors are root mean squares over the weights', as they are after rounding.\n");
}

ExitStatus run_quantize(const QuantizeArguments& arguments) {
  const Interruption interruption;
  QuantizeOptions options = arguments.options;
  options.should_stop = [&] { return interruption.came(); };
  const auto summary = quantize_checkpoint(options);
  if (!summary) {
    print_error(summary.error());
    return exit_status(summary.error());
  }
  if (arguments.json) {
    fmt::print("{}\n", summary_json(arguments, *summary));
  } else {
    print_summary(arguments, *summary);
  }
  return kExitSafe;
}

}  // namespace

void add_quantize(CLI::App& app, const Chosen& chosen) {
  auto arguments = std::make_shared<QuantizeArguments>();
  QuantizeOptions& options = arguments->options;
  CLI::App* command =
      app.add_subcommand("quantize", "Make a checkpoint smaller and faster: int8 or int4 weights");
  command->footer(R"(
int8 takes half of bfloat16 and changes weights by about 0.6%; int4 a bit more than a quarter, and
about 8%. The head, which decides labels, is int8 in both. The first layer's matrices stay as they
are: nearly all that it gives to the next is made of its own, so that its error would be the largest,
carried on by all others. DST appears when it is complete.

Examples:
  parapet quantize Qwen3Guard-Gen-4B Qwen3Guard-Gen-4B-int8
  parapet quantize --format int4 --group-size 64 Qwen3Guard-Gen-4B Qwen3Guard-Gen-4B-int4
  parapet moderate --model Qwen3Guard-Gen-4B-int8 "How can I make a bomb?")");
  command->add_option("SRC", options.source, "Checkpoint folder, as it was published")->required();
  command->add_option("DST", options.destination, "Folder to make; must not exist, or be empty")
      ->required();
  command->add_option("-f,--format", options.format, "'int8' or 'int4'")
      ->check(CLI::IsMember({"int8", "int4"}))
      ->capture_default_str();
  command
      ->add_option("-g,--group-size", options.group_size,
                   "Inputs that share a scale: 32, 64 or 128; smaller is closer, and larger files")
      ->check(CLI::IsMember({32, 64, 128}))
      ->default_str("64 for int8, 32 for int4");
  command
      ->add_option("--dense-layers", options.dense_layers,
                   "First layers whose matrices stay as they are: their errors weigh most; fewer "
                   "than the model has, 0 is none")
      ->check(CLI::NonNegativeNumber)
      ->default_str("1");
  command
      ->add_option("-t,--threads", options.num_threads, "CPU threads; 0: all this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "What was done as one JSON object");
  command->callback([arguments, chosen] {
    arguments->options.on_progress = progress_bar();
    chosen([arguments] { return run_quantize(*arguments); });
  });
}

}  // namespace parapet::cli
