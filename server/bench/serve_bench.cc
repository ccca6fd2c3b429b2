#include "server/bench/serve_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "server/bench/load_rounds.h"
#include "server/bench/load_run.h"
#include "server/bench/overhead.h"
#include "server/bench/own_server.h"
#include "server/bench/server_work.h"
#include "server/bench/statistics.h"
#include "server/json/json.h"

namespace parapet::server {
namespace {

using Clock = LoadClient::Clock;

constexpr std::chrono::duration<double> kWarmUp{0.5};

class ServeBenchRun {
 public:
  explicit ServeBenchRun(const ServeBenchOptions& options) : options_(options) {}

  Result<ServeBench> run() {
    if (auto status = start(); !status) return status.error();
    const bool sweeps = options_.rates.empty();
    const std::vector<double>& loads = sweeps ? options_.multiples : options_.rates;
    for (const double load : loads) loads_.emplace_back(sweeps ? load : 0);
    // The capacity is measured, the loads of a round, and once how the server ends.
    num_phases_ = (loads.size() + 1) * static_cast<std::size_t>(options_.rounds) + (own_ ? 1 : 0);
    for (int round = 0; round < options_.rounds; ++round) {
      if (auto status = measure_capacity(); !status) return status.error();
      for (std::size_t i = 0; i < loads.size(); ++i) {
        measure_load(loads_[i], sweeps ? loads[i] * median(capacities_) : loads[i]);
      }
      measure_overhead();
    }
    bench_.capacity = median(capacities_);
    bench_.capacity_work = capacity_work_.median();
    for (const LoadRounds& load : loads_) bench_.loads.push_back(load.summary());
    bench_.overhead = overhead_.result();
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
    const HttpAnswer answer = client_->ask(mix_->get("/v1/models"));
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

  LoadResult run_phase(LoadPlan plan) {
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
    LoadResult result = run_load(*client_, *mix_, plan);
    ++phase_;
    return result;
  }

  Status measure_capacity() {
    const WorkMeter meter(*client_, *mix_);
    const LoadResult result = run_phase({});
    capacity_work_.add(meter.end(result.num_sent));
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
    return {};
  }

  void measure_load(LoadRounds& rounds, double rate) {
    LoadPlan plan;
    plan.rate = rate;
    plan.deadline = options_.deadline;
    const WorkMeter meter(*client_, *mix_);
    const LoadResult result = run_phase(plan);
    rounds.add(result, options_.duration, meter.end(result.num_sent));
  }

  void measure_overhead() {
    if (!own_ || own_->guard() == nullptr || options_.mix.shares[0] == 0) return;
    overhead_.measure(*own_->guard(), *client_, *mix_, options_.pairs);
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
    const LoadResult result = run_phase(plan);
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
  WorkRounds capacity_work_;
  std::vector<LoadRounds> loads_;
  OverheadMeter overhead_;
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
