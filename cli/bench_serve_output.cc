#include "bench_serve_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "engine_output.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;
using server::LoadBench;
using server::RequestKind;
using server::ServeBench;

ordered_json to_json(const Milliseconds& time) { return {{"p50", time.p50}, {"p99", time.p99}}; }

ordered_json to_json(const std::optional<server::ServerWork>& work) {
  if (!work) return nullptr;
  return {{"http_us", work->http_us}, {"engine_share", work->engine_share}};
}

ordered_json to_json(const LoadBench& load) {
  ordered_json of_kind = ordered_json::object();
  for (std::size_t i = 0; i < load.latency_of_kind.size(); ++i) {
    if (load.latency_of_kind[i].p99 == 0) continue;
    of_kind[to_string(static_cast<RequestKind>(i))] = to_json(load.latency_of_kind[i]);
  }
  return {
      {"multiple", load.multiple == 0 ? ordered_json() : ordered_json(load.multiple)},
      {"offered", load.offered},
      {"answered", load.answered},
      {"goodput", load.goodput},
      {"latency_ms", to_json(load.latency)},
      {"latency_ms_of_kind", std::move(of_kind)},
      {"refusal_ms", to_json(load.refusal)},
      {"behind_ms", to_json(load.behind)},
      {"num_sent", load.num_sent},
      {"num_answered", load.num_answered},
      {"num_refused", load.num_refused},
      {"num_late", load.num_late},
      {"num_errors", load.num_errors},
      {"num_no_verdict", load.num_no_verdict},
      {"first_error", load.first_error.empty() ? ordered_json() : ordered_json(load.first_error)},
      {"server", to_json(load.work)}};
}

std::string count(std::int64_t number) { return number == 0 ? "" : std::to_string(number); }
std::string rate(double a_second) {
  return fmt::format("{:.{}f}", a_second, a_second < 100 ? 1 : 0);
}
std::string ms(double milliseconds) {
  return milliseconds == 0 ? "" : fmt::format("{:.2f}", milliseconds);
}

std::string work_text(const std::optional<server::ServerWork>& work) {
  if (!work) return "";
  return fmt::format("; {:.0f} us of HTTP threads a request, engine in steps {:.0f}% of the time",
                     work->http_us, 100 * work->engine_share);
}

void print_loads(const std::vector<LoadBench>& loads) {
  const Table table({6, 9, 10, 9, 9, 9, 9, 9, 9, 7, 7, 9});
  std::vector<Cell> head;
  for (const char* name : {"load", "offered", "answered", "goodput", "p50 ms", "p99 ms", "refused",
                           "p50 ms", "p99 ms", "late", "errors", "behind"}) {
    head.push_back({name, Color::kBold});
  }
  table.print(head);
  for (const LoadBench& load : loads) {
    table.print({{load.multiple == 0 ? "" : fmt::format("{:.2f}x", load.multiple)},
                 {rate(load.offered)},
                 {rate(load.answered)},
                 {rate(load.goodput)},
                 {ms(load.latency.p50)},
                 {ms(load.latency.p99)},
                 {count(load.num_refused)},
                 {ms(load.refusal.p50)},
                 {ms(load.refusal.p99)},
                 {count(load.num_late)},
                 {count(load.num_errors), Color::kRed},
                 {ms(load.behind.p99)}});
  }
}

// What a row has no room for.
void print_notes(const LoadBench& load) {
  const std::string name =
      load.multiple == 0 ? rate(load.offered) + "/s" : fmt::format("{:.2f}x", load.multiple);
  std::size_t num_kinds = 0;
  for (const Milliseconds& kind : load.latency_of_kind) num_kinds += kind.p99 == 0 ? 0 : 1;
  for (std::size_t i = 0; num_kinds > 1 && i < load.latency_of_kind.size(); ++i) {
    const Milliseconds& kind = load.latency_of_kind[i];
    if (kind.p99 == 0) continue;
    fmt::print("{} {}: p50 {:.2f} ms, p99 {:.2f} ms\n", name,
               to_string(static_cast<RequestKind>(i)), kind.p50, kind.p99);
  }
  if (load.num_no_verdict > 0) {
    fmt::print("{}: {} answers of the model were no verdicts\n", name, load.num_no_verdict);
  }
  if (!load.first_error.empty()) {
    fmt::print("{}: the first error: {}\n", name, one_line(load.first_error, 200));
  }
}

}  // namespace

void print_bench(const ServeBench& bench) {
  if (bench.engine) fmt::print("{}", engine_text(*bench.engine));
  fmt::print("{} at {}\n\ncapacity: {} answers/s{}\n\n", one_line(bench.model, 200),
             one_line(bench.url, 200), rate(bench.capacity), work_text(bench.capacity_work));
  print_loads(bench.loads);
  fmt::print("\n");
  for (const LoadBench& load : bench.loads) print_notes(load);
  if (const auto& overhead = bench.overhead) {
    fmt::print(
        "a verdict alone: {:.3f} ms over HTTP, {:.3f} in process; p50 of the differences of {} "
        "pairs: {:.3f} ms (p99 {:.3f})\n",
        overhead->http.p50, overhead->in_process.p50, overhead->num_pairs, overhead->difference.p50,
        overhead->difference.p99);
  }
  if (const auto& drain = bench.drain) {
    fmt::print(
        "drained in {:.3f} s: of {} requests under way {} were answered, {} refused, {} never "
        "sent, {} lost\n",
        drain->seconds, drain->under_way, drain->answered, drain->refused, drain->unsent,
        drain->lost);
  }
}

std::string bench_json(const ServeBench& bench) {
  ordered_json loads = ordered_json::array();
  for (const LoadBench& load : bench.loads) loads.push_back(to_json(load));
  ordered_json object = {{"url", bench.url},
                         {"model", bench.model},
                         {"engine", nullptr},
                         {"capacity", bench.capacity},
                         {"capacity_server", to_json(bench.capacity_work)},
                         {"loads", std::move(loads)},
                         {"overhead", nullptr},
                         {"drain", nullptr}};
  if (bench.engine) object["engine"] = engine_json(*bench.engine);
  if (const auto& overhead = bench.overhead) {
    object["overhead"] = {{"num_pairs", overhead->num_pairs},
                          {"http_ms", to_json(overhead->http)},
                          {"in_process_ms", to_json(overhead->in_process)},
                          {"difference_ms", to_json(overhead->difference)}};
  }
  if (const auto& drain = bench.drain) {
    object["drain"] = {{"seconds", drain->seconds},   {"under_way", drain->under_way},
                       {"answered", drain->answered}, {"refused", drain->refused},
                       {"unsent", drain->unsent},     {"lost", drain->lost}};
  }
  return object.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace parapet::cli
