#include "bench_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine_output.h"
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
  return {{"num_threads", peaks.num_threads},
          {"read_gb_s", peaks.read_gb_s},
          {"fp32_gflops", peaks.fp32_gflops},
          {"int8_gops", peaks.int8_gops},
          {"int4_gops", peaks.int4_gops}};
}

std::string peaks_text(const MachinePeaks& peaks) {
  return fmt::format(
      "{} threads: read {:.1f} GB/s, fp32 {:.0f} GFLOP/s, int8 {:.0f} GOP/s, int4 {:.0f} GOP/s\n",
      peaks.num_threads, peaks.read_gb_s, peaks.fp32_gflops, peaks.int8_gops, peaks.int4_gops);
}

std::string percent(double share) { return fmt::format("{:.0f}%", 100 * share); }

ordered_json to_json(const KernelMeasurement& kernel) {
  return {{"name", kernel.name},        {"format", kernel.format},
          {"rows", kernel.rows},        {"context", kernel.context},
          {"seconds", kernel.seconds},  {"gops", kernel.gops},
          {"gb_s", kernel.gb_s},        {"bound_by", peak_name(kernel.bound_by)},
          {"of_limit", kernel.of_limit}};
}

}  // namespace

void print_bench(const KernelBench& bench) {
  fmt::print("{} ({})\n", bench.device, bench.isa);
  for (const MachinePeaks& peaks : bench.per_thread_count) fmt::print("{}", peaks_text(peaks));
  const PeakInstructions& fastest = bench.instructions;
  fmt::print("fastest: {}; {}; {}; {}\n\n", fastest.read, fastest.fp32, fastest.int8, fastest.int4);
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
  fmt::print("{}\n", engine_text(bench.engine));
  fmt::print(
      "{:.2f} s a round: {:.1f} requests/s, {:.0f} prompt tokens/s, {:.1f} output tokens/s\n"
      "prompt tokens from the cache {:.1f}%, {} preemptions, {} steps\n"
      "resident memory: {:.1f} MiB when ready, {:.1f} after the first round, {:.1f} after the "
      "last\n",
      bench.seconds, bench.requests_per_second, bench.prompt_tokens_per_second,
      bench.output_tokens_per_second, 100 * bench.prefix_hit_rate, bench.preemptions, bench.steps,
      mib(bench.resident_bytes_ready), mib(bench.resident_bytes_first),
      mib(bench.resident_bytes_last));
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
                               {"seconds", bench.seconds},
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
