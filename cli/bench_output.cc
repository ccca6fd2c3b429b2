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

}  // namespace

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
