#include "bench_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine_output.h"
#include "numbers.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const Milliseconds& time) { return {{"p50", time.p50}, {"p99", time.p99}}; }

void print_row(const Table& table, const char* what, const Milliseconds& time,
               const std::string& note) {
  table.print(
      {{what}, {fmt::format("{:.2f}", time.p50)}, {fmt::format("{:.2f}", time.p99)}, {note}});
}

double mib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

ordered_json to_json(const MachinePeaks& peaks) {
  return {{"num_threads", peaks.num_threads}, {"read_gb_s", peaks.read_gb_s},
          {"fp32_gflops", peaks.fp32_gflops}, {"bf16_gflops", peaks.bf16_gflops},
          {"int8_gops", peaks.int8_gops},     {"int4_gops", peaks.int4_gops}};
}

std::string peaks_text(const MachinePeaks& peaks) {
  return fmt::format(
      "{} threads: read {:.1f} GB/s, fp32 {:.0f} GFLOP/s, bf16 {:.0f} GFLOP/s, int8 {:.0f} GOP/s, "
      "int4 {:.0f} GOP/s\n",
      peaks.num_threads, peaks.read_gb_s, peaks.fp32_gflops, peaks.bf16_gflops, peaks.int8_gops,
      peaks.int4_gops);
}

std::string percent(double share) { return fmt::format("{:.0f}%", 100 * share); }

ordered_json to_json(const KernelMeasurement& kernel) {
  return {{"name", kernel.name},        {"format", kernel.format},
          {"rows", kernel.rows},        {"context", kernel.context},
          {"seconds", kernel.seconds},  {"gops", kernel.gops},
          {"gb_s", kernel.gb_s},        {"bound_by", peak_name(kernel.bound_by)},
          {"of_limit", kernel.of_limit}};
}

// One line of the card's table.
struct CardRow {
  std::string what;
  std::string what_in_chinese;
  std::optional<double> seconds;
  std::optional<std::int64_t> bytes;
  std::string note;
};

std::vector<CardRow> card_rows(const CardBench& bench) {
  const auto load = [](const CardBench::Load& of) {
    return fmt::format("ready for requests; weights after {:.3f} s", of.weights_seconds);
  };
  const auto inference = [](const CardBench::Inference& of) {
    return fmt::format("the first time {:.3f} s", of.first_seconds);
  };
  const std::optional<CardBench::Load>& real = bench.real_load;
  std::vector<CardRow> rows;
  rows.push_back({"Dummy load", "Dummy 加载预热", bench.dummy_load.seconds,
                  bench.dummy_load.resident_bytes, load(bench.dummy_load)});
  rows.push_back({"Real weights load", "真实权重加载",
                  real ? std::optional(real->seconds) : std::nullopt,
                  real ? std::optional(real->resident_bytes) : std::nullopt,
                  real ? load(*real) : "no weights"});
  rows.push_back({"Eager inference (2 prompts)", "Eager 推理 (2 prompts)", bench.eager.seconds,
                  bench.eager.resident_bytes, inference(bench.eager)});
  rows.push_back({fmt::format("Graph capture ({} graphs)", bench.num_graph_sizes),
                  fmt::format("图捕获 ({} graphs)", bench.num_graph_sizes), bench.capture_seconds,
                  bench.capture_bytes, fmt::format("{} pieces", grouped(bench.num_graphs))});
  rows.push_back({"Graph replay (2 prompts)", "图回放 (2 prompts)", bench.replay.seconds,
                  bench.replay.resident_bytes, inference(bench.replay)});
  return rows;
}

std::string seconds_text(std::optional<double> seconds) {
  if (!seconds) return "—";
  return *seconds < 1 ? fmt::format("{:.4f} s", *seconds) : fmt::format("{:.2f} s", *seconds);
}

// Pages may also have been given back.
std::string bytes_text(std::optional<std::int64_t> bytes) {
  if (!bytes) return "—";
  return human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(*bytes, 0)));
}

ordered_json to_json(const CardBench::Load& load) {
  return {{"seconds", load.seconds},
          {"weights_seconds", load.weights_seconds},
          {"resident_bytes", load.resident_bytes}};
}

ordered_json to_json(const CardBench::Inference& inference) {
  return {{"first_seconds", inference.first_seconds},
          {"seconds", inference.seconds},
          {"resident_bytes", inference.resident_bytes}};
}

// "AMD EPYC: cpu (avx2, 2 threads), bfloat16 weights, parapet 0.1.0"
std::string machine_text(const CardBench& bench) {
  const EngineInfo& engine = bench.engine;
  return fmt::format("{}{}{} ({}, {} threads), {} weights ({}), parapet {}", bench.processor,
                     bench.processor.empty() ? "" : ": ", engine.device, engine.isa,
                     engine.num_threads, engine.weights_dtype,
                     human_bytes(static_cast<std::uint64_t>(engine.weight_bytes)), version());
}

}  // namespace

void print_bench(const CardBench& bench) {
  fmt::print("{}\nprompts of {} tokens, answers of {}\n\n", machine_text(bench),
             bench.prompt_tokens, bench.output_tokens);
  const Table table({28, 12, 12, 44});
  table.print({{"", Color::kBold}, {"time", Color::kBold}, {"memory", Color::kBold}});
  for (const CardRow& row : card_rows(bench)) {
    table.print({{row.what},
                 {seconds_text(row.seconds)},
                 {bytes_text(row.bytes)},
                 {row.note, Color::kDim}});
  }
}

std::string bench_markdown(const CardBench& bench, bool chinese) {
  std::string text = chinese ? "| 测试项 | 耗时 | 内存 |\n" : "| Test | Time | Memory |\n";
  text += "|---|---|---|\n";
  for (const CardRow& row : card_rows(bench)) {
    text += fmt::format("| {} | {} | {} |\n", chinese ? row.what_in_chinese : row.what,
                        seconds_text(row.seconds), bytes_text(row.bytes));
  }
  return text + fmt::format("\n{}\n", machine_text(bench));
}

std::string bench_json(const CardBench& bench) {
  const ordered_json object = {
      {"version", version()},
      {"processor", bench.processor},
      {"engine", engine_json(bench.engine)},
      {"prompt_tokens", bench.prompt_tokens},
      {"output_tokens", bench.output_tokens},
      {"dummy_load", to_json(bench.dummy_load)},
      {"real_load", bench.real_load ? to_json(*bench.real_load) : ordered_json(nullptr)},
      {"eager", to_json(bench.eager)},
      {"capture",
       {{"sizes", bench.num_graph_sizes},
        {"graphs", bench.num_graphs},
        {"seconds", bench.capture_seconds},
        {"resident_bytes", bench.capture_bytes}}},
      {"replay", to_json(bench.replay)}};
  return object.dump(2);
}

void print_bench(const KernelBench& bench) {
  fmt::print("{} ({})\n", bench.device, bench.isa);
  for (const MachinePeaks& peaks : bench.per_thread_count) fmt::print("{}", peaks_text(peaks));
  const PeakInstructions& fastest = bench.instructions;
  fmt::print("fastest: {}; {}; {}; {}; {}\n\n", fastest.read, fastest.fp32, fastest.bf16,
             fastest.int8, fastest.int4);
  const Table table({18, 10, 6, 9, 12, 9, 9, 9, 8});
  table.print({{"kernel", Color::kBold},
               {"format", Color::kBold},
               {"rows", Color::kBold},
               {"context", Color::kBold},
               {"microseconds", Color::kBold},
               {"GOP/s", Color::kBold},
               {"GB/s", Color::kBold},
               {"bound by", Color::kBold},
               {"of limit", Color::kBold}});
  for (const KernelMeasurement& kernel : bench.kernels) {
    table.print({{kernel.name},
                 {kernel.format},
                 {std::to_string(kernel.rows)},
                 {kernel.context == 0 ? "" : std::to_string(kernel.context)},
                 {fmt::format("{:.1f}", 1e6 * kernel.seconds)},
                 {fmt::format("{:.1f}", kernel.gops)},
                 {fmt::format("{:.2f}", kernel.gb_s)},
                 {peak_name(kernel.bound_by)},
                 {percent(kernel.of_limit)}});
  }
}

std::string bench_json(const KernelBench& bench) {
  ordered_json peaks = to_json(bench.peaks());
  peaks["per_thread_count"] = ordered_json::array();
  for (const MachinePeaks& of : bench.per_thread_count) {
    peaks["per_thread_count"].push_back(to_json(of));
  }
  peaks["instructions"] = {{"read", bench.instructions.read},
                           {"fp32", bench.instructions.fp32},
                           {"bf16", bench.instructions.bf16},
                           {"int8", bench.instructions.int8},
                           {"int4", bench.instructions.int4}};
  ordered_json kernels = ordered_json::array();
  for (const KernelMeasurement& kernel : bench.kernels) kernels.push_back(to_json(kernel));
  const ordered_json object = {
      {"device", bench.device}, {"isa", bench.isa}, {"peaks", peaks}, {"kernels", kernels}};
  return object.dump(2);
}

void print_bench(const LatencyBench& bench) {
  fmt::print("{}{}\n", engine_text(bench.engine), peaks_text(bench.peaks));
  const Table table({30, 12, 12, 10, 50});
  const auto row = [&](const char* what, const Milliseconds& time, double share,
                       const std::string& note) {
    table.print({{what},
                 {fmt::format("{:.2f}", time.p50)},
                 {fmt::format("{:.2f}", time.p99)},
                 {share == 0 ? "" : percent(share)},
                 {note}});
  };
  table.print({{"milliseconds", Color::kBold},
               {"p50", Color::kBold},
               {"p99", Color::kBold},
               {"of limit", Color::kBold}});
  row("prefill", bench.prefill, bench.prefill_of_limit,
      fmt::format("{} tokens on {} cached, {:.0f} GOP/s", bench.new_tokens, bench.cached_tokens,
                  bench.prefill_gops));
  row("decode, a token", bench.decode, bench.decode_of_limit,
      fmt::format("{:.2f} tokens/s, {:.1f} GB/s", bench.decode_tokens_per_second,
                  bench.decode_gb_s));
  row("Safe verdict", bench.verdict, bench.verdict_of_limit,
      fmt::format("{:.2f} passes", bench.verdict_passes));
  row("the same by greedy decoding", bench.greedy, 0, "8 tokens, a pass each");
  fmt::print("\nready after {:.3f} s, first token after {:.3f} s", bench.ready_seconds,
             bench.first_token_seconds);
  if (bench.first_verdict_seconds) {
    fmt::print(", first verdict with nothing cached after {:.3f} s", *bench.first_verdict_seconds);
  }
  fmt::print("\nresident memory: {:.1f} MiB, at most {:.1f}; weights and KV cache are {} of it\n",
             mib(bench.resident_bytes), mib(bench.peak_resident_bytes),
             percent(bench.memory_of_limit));
}

std::string bench_json(const LatencyBench& bench) {
  const ordered_json start = {
      {"ready_seconds", bench.ready_seconds},
      {"first_token_seconds", bench.first_token_seconds},
      {"first_verdict_seconds", bench.first_verdict_seconds
                                    ? ordered_json(*bench.first_verdict_seconds)
                                    : ordered_json(nullptr)}};
  const ordered_json object = {
      {"engine", engine_json(bench.engine)},
      {"peaks", to_json(bench.peaks)},
      {"cached_tokens", bench.cached_tokens},
      {"new_tokens", bench.new_tokens},
      {"start", start},
      {"prefill",
       {{"ms", to_json(bench.prefill)},
        {"tokens_per_second", 1000 * static_cast<double>(bench.new_tokens) / bench.prefill.p50},
        {"gops", bench.prefill_gops},
        {"of_limit", bench.prefill_of_limit}}},
      {"decode",
       {{"ms", to_json(bench.decode)},
        {"tokens_per_second", bench.decode_tokens_per_second},
        {"gb_s", bench.decode_gb_s},
        {"of_limit", bench.decode_of_limit}}},
      {"verdict",
       {{"ms", to_json(bench.verdict)},
        {"passes", bench.verdict_passes},
        {"of_limit", bench.verdict_of_limit}}},
      {"greedy_ms", to_json(bench.greedy)},
      {"memory",
       {{"resident_bytes", bench.resident_bytes},
        {"peak_resident_bytes", bench.peak_resident_bytes},
        {"of_limit", bench.memory_of_limit}}},
      {"prompt_token_ids", bench.prompt_token_ids},
      {"answer_token_ids", bench.answer_token_ids}};
  return object.dump(2);
}

void print_bench(const VerdictBench& bench) {
  fmt::print("{}\n", engine_text(bench.engine));
  const Table table({34, 12, 12, 60});
  table.print({{"milliseconds", Color::kBold}, {"p50", Color::kBold}, {"p99", Color::kBold}});
  print_row(table, "one forward", bench.forward,
            fmt::format("{} uncached tokens, 1 row of logits", bench.uncached_tokens));
  print_row(table, "Safe verdict", bench.safe, fmt::format("{:.2f} passes", bench.passes_safe));
  print_row(table, "verdict of one category", bench.one_category,
            fmt::format("{:.2f} passes", bench.passes_one_category));
  print_row(table, "Safe by greedy decoding", bench.greedy, "8 tokens, a pass each");
  print_row(table, "one category by greedy decoding", bench.greedy_one_category,
            "10 tokens, a pass each");
  print_row(table, "Safe verdict, several at once", bench.safe_concurrent, "");
  print_row(table, "greedy decoding, several at once", bench.greedy_concurrent, "");
  fmt::print(
      "\nverdict over forward {:.3f}, greedy over verdict {:.2f} (one category {:.2f}, at once "
      "{:.2f})\n"
      "prompt tokens from the cache {:.1f}%\n"
      "engine overhead of a step {:.1f} us, with 1,000 requests waiting {:.1f} us\n",
      bench.verdict_over_forward, bench.greedy_over_verdict, bench.greedy_over_verdict_one_category,
      bench.greedy_over_verdict_concurrent, 100 * bench.prefix_hit_rate, bench.step_overhead_us,
      bench.step_overhead_us_queued);
}

void print_bench(const ThroughputBench& bench) {
  fmt::print("{}\n{}", engine_text(bench.engine), peaks_text(bench.peaks));
  fmt::print(
      "{:.2f} s a round, {} of limit: {:.1f} requests/s, {:.0f} prompt tokens/s, {:.1f} output "
      "tokens/s\n"
      "prompt tokens from the cache {:.1f}%, {} preemptions, {} steps\n"
      "resident memory: {:.1f} MiB when ready, {:.1f} after the first round, {:.1f} after the "
      "last\n",
      bench.seconds, percent(bench.of_limit), bench.requests_per_second,
      bench.prompt_tokens_per_second, bench.output_tokens_per_second, 100 * bench.prefix_hit_rate,
      bench.preemptions, bench.steps, mib(bench.resident_bytes_ready),
      mib(bench.resident_bytes_first), mib(bench.resident_bytes_last));
}

std::string bench_json(const VerdictBench& bench) {
  const ordered_json object = {
      {"engine", engine_json(bench.engine)},
      {"uncached_tokens", bench.uncached_tokens},
      {"forward_ms", to_json(bench.forward)},
      {"safe_ms", to_json(bench.safe)},
      {"one_category_ms", to_json(bench.one_category)},
      {"greedy_ms", to_json(bench.greedy)},
      {"greedy_one_category_ms", to_json(bench.greedy_one_category)},
      {"safe_concurrent_ms", to_json(bench.safe_concurrent)},
      {"greedy_concurrent_ms", to_json(bench.greedy_concurrent)},
      {"verdict_over_forward", bench.verdict_over_forward},
      {"passes_safe", bench.passes_safe},
      {"passes_one_category", bench.passes_one_category},
      {"greedy_over_verdict", bench.greedy_over_verdict},
      {"greedy_over_verdict_one_category", bench.greedy_over_verdict_one_category},
      {"greedy_over_verdict_concurrent", bench.greedy_over_verdict_concurrent},
      {"step_overhead_us", bench.step_overhead_us},
      {"step_overhead_us_queued", bench.step_overhead_us_queued},
      {"prefix_hit_rate", bench.prefix_hit_rate}};
  return object.dump(2);
}

std::string bench_json(const ThroughputBench& bench) {
  const ordered_json object = {{"engine", engine_json(bench.engine)},
                               {"peaks", to_json(bench.peaks)},
                               {"seconds", bench.seconds},
                               {"of_limit", bench.of_limit},
                               {"requests_per_second", bench.requests_per_second},
                               {"prompt_tokens_per_second", bench.prompt_tokens_per_second},
                               {"output_tokens_per_second", bench.output_tokens_per_second},
                               {"prefix_hit_rate", bench.prefix_hit_rate},
                               {"preemptions", bench.preemptions},
                               {"steps", bench.steps},
                               {"resident_bytes_ready", bench.resident_bytes_ready},
                               {"resident_bytes_first", bench.resident_bytes_first},
                               {"resident_bytes_last", bench.resident_bytes_last}};
  return object.dump(2);
}

}  // namespace parapet::cli
