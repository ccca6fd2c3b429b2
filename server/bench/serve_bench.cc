#include "server/bench/serve_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include "server/bench/load_run.h"
#include "server/bench/own_server.h"
#include "server/json/json.h"
#include "server/metrics/quantile.h"

namespace parapet::server {
namespace {

using Clock = LoadClient::Clock;

// For one answer that is waited for alone.
constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::duration<double> kWarmUp{0.5};

Milliseconds percentiles(std::vector<double> values) {
  std::ranges::sort(values);
  return {quantile(values, 0.5), quantile(values, 0.99)};
}

// The sum of a metric's samples; empty where there is none of that name.
std::optional<double> metric(std::string_view text, std::string_view name) {
  std::optional<double> sum;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name)) continue;
    const std::string_view rest = line.substr(name.size());
    if (!rest.starts_with('{') && !rest.starts_with(' ')) continue;
    double value = 0;
    const std::string_view number = line.substr(line.rfind(' ') + 1);
    std::from_chars(number.data(), number.data() + number.size(), value);
    sum = sum.value_or(0) + value;
  }
  return sum;
}

// A series of values a round, of one load.
struct Rounds {
  std::vector<double> offered, answered, goodput, http_us, engine_share;
  std::vector<Milliseconds> latency, refusal, behind;
  std::array<std::vector<Milliseconds>, kNumRequestKinds> of_kind;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return quantile(values, 0.5);
}

// Of rounds in which there was something.
Milliseconds median(const std::vector<Milliseconds>& rounds) {
  std::vector<double> p50;
  std::vector<double> p99;
  for (const Milliseconds& each : rounds) {
    if (each.p99 == 0) continue;
    p50.push_back(each.p50);
    p99.push_back(each.p99);
  }
  return {median(p50), median(p99)};
}

class ServeBenchRun {
 public:
  explicit ServeBenchRun(const ServeBenchOptions& options) : options_(options) {}

  Result<ServeBench> run() {
    if (auto status = start(); !status) return status.error();
    const bool sweeps = options_.rates.empty();
    const std::vector<double>& loads = sweeps ? options_.multiples : options_.rates;
    bench_.loads.resize(loads.size());
    rounds_.resize(loads.size());
    // The capacity is measured, the loads of a round, and once how the server ends.
    num_phases_ = (loads.size() + 1) * static_cast<std::size_t>(options_.rounds) + (own_ ? 1 : 0);
    for (int round = 0; round < options_.rounds; ++round) {
      if (auto status = measure_capacity(); !status) return status.error();
      for (std::size_t i = 0; i < loads.size(); ++i) {
        bench_.loads[i].multiple = sweeps ? loads[i] : 0;
        measure_load(i, sweeps ? loads[i] * median(capacities_) : loads[i]);
      }
      measure_overhead();
    }
    summarize();
    measure_drain();
    return std::move(bench_);
  }

 private:
  Status start() {
    bench_.url = options_.url;
    if (options_.url.empty()) {
      ServerOptions server;
      server.on_overload = options_.on_overload;
      server.max_waiting = options_.max_waiting;
      ModelOptions model = options_.model;
      model.on_progress = options_.on_progress;
      auto own = OwnServer::start(model, server);
      if (!own) return own.error();
      own_ = std::move(*own);
      bench_.engine = own_->engine();
      bench_.url = own_->url();
    }
    auto url = ServerUrl::parse(bench_.url);
    if (!url) return url.error();
    auto client = LoadClient::create(*url, static_cast<std::size_t>(options_.max_connections));
    if (!client) return client.error();
    client_ = std::move(*client);
    mix_ = std::make_unique<RequestMix>(options_.mix, *url, options_.api_key, "");
    return greet(*url);
  }

  // Asks for the model's name, which requests have to give on some servers.
  Status greet(const ServerUrl& url) {
    const HttpAnswer answer = ask(mix_->get("/v1/models"));
    if (answer.status != 200) {
      const std::string why = answer.status == 0 ? answer.error
                              : answer.status == 401
                                  ? "it wants a key: --api-key"
                                  : fmt::format("status {} at /v1/models", answer.status);
      return Error{ErrorCode::kIo, bench_.url + ": " + why};
    }
    if (const auto models = parse_json(answer.body)) {
      const auto id = Json::json_pointer("/data/0/id");
      if (models->contains(id) && models->at(id).is_string()) bench_.model = models->at(id);
    }
    mix_ = std::make_unique<RequestMix>(options_.mix, url, options_.api_key, bench_.model);
    LoadPlan warm_up;
    warm_up.concurrency = options_.concurrency;
    warm_up.duration = std::min(kWarmUp, options_.duration);
    run_load(*client_, *mix_, warm_up);
    return {};
  }

  HttpAnswer ask(std::shared_ptr<const std::string> message) {
    HttpAnswer result;
    client_->send(std::move(message), [&](HttpAnswer answer) { result = std::move(answer); });
    client_->run(Clock::now() + kPatience);
    return result;
  }

  LoadResult run_phase(LoadPlan plan, std::optional<ServerWork>& work) {
    plan.concurrency = options_.concurrency;
    plan.duration = options_.duration;
    if (options_.on_progress) {
      plan.on_progress = [&](double share) {
        constexpr double kParts = 1000;
        options_.on_progress(
            "loading the server",
            static_cast<std::uint64_t>((static_cast<double>(phase_) + share) * kParts),
            static_cast<std::uint64_t>(static_cast<double>(num_phases_) * kParts));
      };
    }
    const std::string before = ask(mix_->get("/metrics")).body;
    const Clock::time_point begin = Clock::now();
    LoadResult result = run_load(*client_, *mix_, plan);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    ++phase_;
    if (!plan.halfway)
      work = work_between(before, ask(mix_->get("/metrics")).body, result, seconds);
    return result;
  }

  static std::optional<ServerWork> work_between(const std::string& before, const std::string& after,
                                                const LoadResult& result, double seconds) {
    const auto grown = [&](const char* name) -> std::optional<double> {
      const auto from = metric(before, name);
      const auto to = metric(after, name);
      if (!from || !to) return std::nullopt;
      return *to - *from;
    };
    const auto http = grown("parapet:http_cpu_seconds_total");
    const auto engine = grown("parapet:engine_step_seconds_total");
    if (!http || !engine || result.num_sent == 0) return std::nullopt;
    return ServerWork{1e6 * *http / static_cast<double>(result.num_sent), *engine / seconds};
  }

  Status measure_capacity() {
    std::optional<ServerWork> work;
    const LoadResult result = run_phase({}, work);
    const auto answered = static_cast<double>(result.num_answered());
    if (answered == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   result.first_error.empty()
                       ? fmt::format("duration: nothing was answered within {} s; give it longer",
                                     options_.duration.count())
                       : bench_.url + " answers no request: " + result.first_error};
    }
    // Answers come in batches: up to the last of them, not to the end of a half done one.
    capacities_.push_back(answered / result.seconds);
    if (work) {
      capacity_rounds_.http_us.push_back(work->http_us);
      capacity_rounds_.engine_share.push_back(work->engine_share);
    }
    return {};
  }

  void measure_load(std::size_t index, double rate) {
    LoadPlan plan;
    plan.rate = rate;
    plan.deadline = options_.deadline;
    std::optional<ServerWork> work;
    const LoadResult result = run_phase(plan, work);
    Rounds& rounds = rounds_[index];
    const double seconds = std::max(result.seconds, options_.duration.count());
    rounds.offered.push_back(static_cast<double>(result.num_sent) / options_.duration.count());
    rounds.answered.push_back(static_cast<double>(result.num_answered()) / seconds);
    rounds.goodput.push_back(static_cast<double>(result.num_in_time) / options_.duration.count());
    rounds.refusal.push_back(percentiles(result.refused_ms));
    rounds.behind.push_back(percentiles(result.behind_ms));
    std::vector<double> all;
    for (std::size_t kind = 0; kind < kNumRequestKinds; ++kind) {
      const auto& ms = result.answered_ms[kind];
      all.insert(all.end(), ms.begin(), ms.end());
      rounds.of_kind[kind].push_back(percentiles(ms));
    }
    rounds.latency.push_back(percentiles(all));
    if (work) {
      rounds.http_us.push_back(work->http_us);
      rounds.engine_share.push_back(work->engine_share);
    }
    LoadBench& load = bench_.loads[index];
    load.num_sent += result.num_sent;
    load.num_answered += result.num_answered();
    load.num_refused += std::ssize(result.refused_ms);
    load.num_late += result.num_late;
    load.num_errors += result.num_errors;
    load.num_no_verdict += result.num_no_verdict;
    if (load.first_error.empty()) load.first_error = result.first_error;
  }

  // The same text both ways, by turns. It was judged just before: neither computes what the other
  // finds in the cache.
  void measure_overhead() {
    if (!own_ || own_->guard() == nullptr || options_.mix.shares[0] == 0) return;
    for (std::int64_t pair = 0; pair < options_.pairs; ++pair) {
      const std::string text = mix_->text();
      const auto message = mix_->make(RequestKind::kVerdicts, text, {});
      const std::vector<Conversation> conversation = {{{"user", text}}};
      (void)own_->guard()->judge(conversation);
      const auto time_of = [](const auto& call) {
        const Clock::time_point begin = Clock::now();
        call();
        return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
      };
      double http = 0;
      double in_process = 0;
      for (const bool over_http : {pair % 2 == 0, pair % 2 != 0}) {
        if (over_http) {
          http = time_of([&] { ask(message); });
        } else {
          in_process = time_of([&] { (void)own_->guard()->judge(conversation); });
        }
      }
      http_.push_back(http);
      in_process_.push_back(in_process);
      difference_.push_back(http - in_process);
    }
  }

  static std::optional<ServerWork> work_of(const Rounds& rounds) {
    if (rounds.http_us.empty()) return std::nullopt;
    return ServerWork{median(rounds.http_us), median(rounds.engine_share)};
  }

  void summarize() {
    bench_.capacity = median(capacities_);
    bench_.capacity_work = work_of(capacity_rounds_);
    for (std::size_t i = 0; i < bench_.loads.size(); ++i) {
      const Rounds& rounds = rounds_[i];
      LoadBench& load = bench_.loads[i];
      load.offered = median(rounds.offered);
      load.answered = median(rounds.answered);
      load.goodput = median(rounds.goodput);
      load.latency = median(rounds.latency);
      for (const auto& kind : rounds.of_kind) load.latency_of_kind.push_back(median(kind));
      load.refusal = median(rounds.refusal);
      load.behind = median(rounds.behind);
      load.work = work_of(rounds);
    }
    if (!http_.empty()) {
      bench_.overhead = OverheadBench{std::ssize(http_), percentiles(http_),
                                      percentiles(in_process_), percentiles(difference_)};
    }
  }

  // At its capacity, the server is told to end.
  void measure_drain() {
    if (!own_) return;
    Clock::time_point asked;
    LoadPlan plan;
    plan.rate = bench_.capacity;
    plan.halfway = [&] {
      asked = Clock::now();
      own_->drain();
    };
    std::optional<ServerWork> none;
    const LoadResult result = run_phase(plan, none);
    const OwnServer::Drained drained = own_->join();
    bench_.drain = DrainBench{std::chrono::duration<double>(drained.at - asked).count(),
                              result.halfway.under_way,
                              result.halfway.answered,
                              result.halfway.refused,
                              result.halfway.unsent,
                              result.halfway.lost};
  }

  const ServeBenchOptions& options_;
  std::unique_ptr<OwnServer> own_;
  std::unique_ptr<LoadClient> client_;
  std::unique_ptr<RequestMix> mix_;
  ServeBench bench_;
  std::vector<double> capacities_;
  Rounds capacity_rounds_;
  std::vector<Rounds> rounds_;  // of each load
  std::vector<double> http_, in_process_, difference_;
  std::size_t phase_ = 0;
  std::size_t num_phases_ = 1;
};

Status check(const ServeBenchOptions& options) {
  const auto wrong = [](const char* name, double value, const char* expected) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is {}, expected {}", name, value, expected)};
  };
  for (const double rate : options.rates) {
    if (!(rate > 0 && rate <= 1e6)) return wrong("rate", rate, "more than 0, at most 1e6");
  }
  for (const double multiple : options.multiples) {
    if (!(multiple > 0 && multiple <= 100))
      return wrong("load", multiple, "more than 0, at most 100");
  }
  const std::pair<const char*, std::int64_t> counts[] = {
      {"rounds", options.rounds},
      {"words", options.mix.words},
      {"concurrency", options.concurrency},
      {"max_connections", options.max_connections}};
  for (const auto& [name, value] : counts) {
    if (value < 1) return wrong(name, static_cast<double>(value), "1 or more");
  }
  const double seconds = options.duration.count();
  if (!(seconds >= 0.05 && seconds <= 86400)) return wrong("duration", seconds, "0.05 to 86400");
  return {};
}

}  // namespace

Result<ServeBench> bench_serve(const ServeBenchOptions& options) {
  if (auto status = check(options); !status) return status.error();
  return ServeBenchRun(options).run();
}

}  // namespace parapet::server
