#include "server/metrics/metrics.h"

#include <fmt/format.h>
#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace parapet::server {
namespace {

using prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;

// Verdicts take one to a hundred milliseconds; vLLM's own buckets begin at 0.3 seconds.
const Buckets kSeconds = {0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015,
                          0.02,   0.03,  0.05,  0.075, 0.1,   0.15,   0.25, 0.5,
                          1.0,    2.5,   5.0,   10.0,  30.0,  60.0,   120.0};
const Buckets kTokens = {1,   2,    5,    10,   20,    50,    100,   200,
                         500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
const Buckets kShares = {0.01, 0.02, 0.05, 0.1, 0.2,  0.3,  0.4, 0.5,
                         0.6,  0.7,  0.8,  0.9, 0.95, 0.98, 0.99};
const Buckets kSmall = {1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100};

// Prometheus counts the steps of a bucket with those of all before it.
prometheus::ClientMetric::Histogram histogram_of(const StepTokens& counted) {
  prometheus::ClientMetric::Histogram histogram;
  for (std::size_t i = 0; i < counted.steps.size(); ++i) {
    histogram.sample_count += static_cast<std::uint64_t>(counted.steps[i]);
    if (i == StepTokens::kBounds.size()) break;
    histogram.bucket.push_back(
        {histogram.sample_count, static_cast<double>(StepTokens::kBounds[i])});
  }
  histogram.sample_sum = static_cast<double>(counted.tokens);
  return histogram;
}

// Position 0 is there from the start, the others once a draft's token there was accepted: a draft
// may be far longer than those that the model agrees with.
prometheus::MetricFamily accepted_by_position(const std::vector<std::int64_t>& accepted,
                                              const Labels& engine) {
  prometheus::MetricFamily family{"vllm:spec_decode_num_accepted_tokens_per_pos_total",
                                  "Drafts of which the token at that position was accepted",
                                  prometheus::MetricType::Counter,
                                  {}};
  for (std::size_t i = 0; i < std::max<std::size_t>(1, accepted.size()); ++i) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [key, text] : engine) metric.label.push_back({key, text});
    metric.label.push_back({"position", std::to_string(i)});
    metric.counter.value = i < accepted.size() ? static_cast<double>(accepted[i]) : 0;
  }
  return family;
}

// Gauges and counters that the engine keeps, read when they are asked for.
class EngineMetrics : public prometheus::Collectable {
 public:
  explicit EngineMetrics(Metrics::Sources sources) : sources_(std::move(sources)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const EngineCounters now = sources_.counters();
    const EngineInfo& info = sources_.info;
    std::vector<prometheus::MetricFamily> all;
    const auto add = [&](const char* name, const char* help, prometheus::MetricType type,
                         double value, const Labels& labels) {
      prometheus::ClientMetric metric;
      for (const auto& [key, text] : labels) metric.label.push_back({key, text});
      metric.gauge.value = value;
      metric.counter.value = value;
      all.push_back({name, help, type, {std::move(metric)}});
    };
    const Labels engine = {{"model_name", sources_.model_name}, {"engine", "0"}};
    const auto gauge = [&](const char* name, const char* help, double value) {
      add(name, help, prometheus::MetricType::Gauge, value, engine);
    };
    const auto counter = [&](const char* name, const char* help, auto value) {
      add(name, help, prometheus::MetricType::Counter, static_cast<double>(value), engine);
    };
    gauge("vllm:num_requests_running", "Requests in the engine's steps",
          static_cast<double>(now.requests_running));
    gauge("vllm:num_requests_waiting", "Requests that wait for their first step",
          static_cast<double>(now.requests_waiting));
    gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1",
          info.kv_cache_tokens == 0 ? 0
                                    : static_cast<double>(now.kv_cache_tokens_in_use) /
                                          static_cast<double>(info.kv_cache_tokens));
    counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache",
            now.prefix_cache_queries);
    counter("vllm:prefix_cache_hits_total", "Of them, tokens that were found",
            now.prefix_cache_hits);
    counter("vllm:num_preemptions_total", "Requests that were put back for want of KV cache",
            now.preemptions);
    counter("vllm:spec_decode_num_drafts_total", "Drafts of answers that steps checked",
            now.drafts);
    counter("vllm:spec_decode_num_draft_tokens_total", "Tokens of these drafts, branches included",
            now.draft_tokens);
    counter("vllm:spec_decode_num_accepted_tokens_total", "Of them, tokens that the model wrote",
            now.accepted_draft_tokens);
    all.push_back(accepted_by_position(now.accepted_by_position, engine));
    add("vllm:iteration_tokens_total", "Tokens of prompts and answers that each step moved on",
        prometheus::MetricType::Histogram, 0, engine);
    all.back().metric.front().histogram = histogram_of(now.step_tokens);
    counter("parapet:engine_steps_total", "Forward passes of the engine", now.steps);
    counter("parapet:engine_rows_total", "Tokens and draft nodes computed", now.rows);
    counter("parapet:engine_step_seconds_total", "Time in steps", now.step_seconds);
    gauge("parapet:requests_in_flight", "Requests that were admitted and are not answered",
          static_cast<double>(sources_.in_flight()));
    gauge("parapet:http_connections", "Open connections",
          static_cast<double>(sources_.connections()));
    counter("parapet:http_cpu_seconds_total", "CPU time of the threads that serve HTTP",
            sources_.io_cpu_seconds());
    Labels cache = engine;
    cache["block_size"] = std::to_string(info.block_size);
    cache["num_gpu_blocks"] = std::to_string(info.kv_cache_tokens / info.block_size);
    cache["cache_dtype"] = info.kv_cache_dtype;
    add("vllm:cache_config_info", "The KV cache, in labels", prometheus::MetricType::Gauge, 1,
        cache);
    return all;
  }

  const Metrics::Sources& sources() const { return sources_; }

 private:
  Metrics::Sources sources_;
};

}  // namespace

struct Metrics::Impl {
  explicit Impl(Sources sources) : engine(std::move(sources)) {}

  prometheus::Counter& counter(const char* name, const char* help, Labels labels = {}) {
    add_engine_labels(labels);
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
  }
  prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets,
                                   Labels labels = {}) {
    add_engine_labels(labels);
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels,
                                                                                     buckets);
  }
  prometheus::Counter& finished(std::string_view reason) {
    return counter("vllm:request_success_total", "Requests by how they ended",
                   {{"finished_reason", std::string(reason)}});
  }
  prometheus::Counter& prompt_source(const char* source) {
    return counter("vllm:prompt_tokens_by_source_total",
                   "Prompt tokens by where their keys are from", {{"source", source}});
  }
  prometheus::Histogram& probability(const char* label) {
    return histogram("parapet:verdict_probability", "The model's belief in each label", kShares,
                     {{"label", label}});
  }
  void add_engine_labels(Labels& labels) const {
    labels.emplace("model_name", engine.sources().model_name);
    labels.emplace("engine", "0");
  }

  prometheus::Registry registry;
  EngineMetrics engine;

  prometheus::Counter& prompt_tokens = counter("vllm:prompt_tokens_total", "Prompt tokens");
  prometheus::Counter& cached_tokens =
      counter("vllm:prompt_tokens_cached_total", "Of them, those found in the prefix cache");
  prometheus::Counter& computed_here = prompt_source("local_compute");
  prometheus::Counter& cached_here = prompt_source("local_cache_hit");
  prometheus::Counter& generation_tokens =
      counter("vllm:generation_tokens_total", "Tokens written");
  prometheus::Histogram& first_token =
      histogram("vllm:time_to_first_token_seconds", "From arrival to the first token", kSeconds);
  prometheus::Histogram& between_tokens =
      histogram("vllm:inter_token_latency_seconds", "Between two tokens of one answer", kSeconds);
  prometheus::Histogram& per_token = histogram("vllm:request_time_per_output_token_seconds",
                                               "The same, as each request's mean", kSeconds);
  prometheus::Histogram& whole =
      histogram("vllm:e2e_request_latency_seconds", "From arrival to the whole answer", kSeconds);
  prometheus::Histogram& queue =
      histogram("vllm:request_queue_time_seconds", "From arrival to the first step", kSeconds);
  prometheus::Histogram& prefill = histogram("vllm:request_prefill_time_seconds",
                                             "From the first step to the first token", kSeconds);
  prometheus::Histogram& decode =
      histogram("vllm:request_decode_time_seconds", "From the first token to the last", kSeconds);
  prometheus::Histogram& inference = histogram("vllm:request_inference_time_seconds",
                                               "From the first step to the last token", kSeconds);
  prometheus::Histogram& prompt_length =
      histogram("vllm:request_prompt_tokens", "Tokens of each prompt", kTokens);
  prometheus::Histogram& computed_length = histogram("vllm:request_prefill_kv_computed_tokens",
                                                     "Of each prompt, tokens not cached", kTokens);
  prometheus::Histogram& answer_length =
      histogram("vllm:request_generation_tokens", "Tokens of each answer", kTokens);
  prometheus::Histogram& longest_answer =
      histogram("vllm:request_max_num_generation_tokens",
                "Tokens of the longest answer of each request", kTokens);
  prometheus::Histogram& params_n =
      histogram("vllm:request_params_n", "Answers asked for in one request", kSmall);
  prometheus::Histogram& params_max_tokens =
      histogram("vllm:request_params_max_tokens", "Longest answer asked for", kTokens);
  prometheus::Histogram& verdict_seconds = histogram(
      "parapet:verdict_latency_seconds", "From a request's arrival to its verdict", kSeconds);
  prometheus::Histogram& verdict_passes =
      histogram("parapet:verdict_passes", "Forward passes that a verdict took part in", kSmall);
  prometheus::Histogram& safe = probability("Safe");
  prometheus::Histogram& controversial = probability("Controversial");
  prometheus::Histogram& unsafe = probability("Unsafe");
  prometheus::Histogram& label_mass = histogram(
      "parapet:verdict_label_mass", "What the three labels held of all probability", kShares);

  Recent latency;
  Rate prompt_rate;
  Rate generation_rate;
  Rate verdict_rate;
  mutable std::mutex mutex;  // of totals
  Totals totals;
};

Metrics::Metrics(Sources sources) : impl_(std::make_unique<Impl>(std::move(sources))) {}
Metrics::~Metrics() = default;

void Metrics::count_request(const Finished& finished) {
  Impl& all = *impl_;
  constexpr double kPerMs = 1e-3;
  const auto& [render_ms, prefill_ms, decode_ms, total_ms] = finished.timing;
  const auto written = static_cast<double>(finished.usage.completion_tokens);
  all.finished(finished.reason).Increment();
  {
    const std::lock_guard lock(all.mutex);
    ++all.totals.requests;
    all.totals.prompt_tokens += finished.usage.prompt_tokens;
    all.totals.generation_tokens += finished.usage.completion_tokens;
  }
  const auto prompt = static_cast<double>(finished.usage.prompt_tokens);
  const auto cached = static_cast<double>(finished.usage.cached_tokens);
  all.prompt_tokens.Increment(prompt);
  all.cached_tokens.Increment(cached);
  all.cached_here.Increment(cached);
  all.computed_here.Increment(prompt - cached);
  all.generation_tokens.Increment(written);
  all.prompt_length.Observe(prompt);
  all.computed_length.Observe(prompt - cached);
  all.answer_length.Observe(written);
  all.longest_answer.Observe(static_cast<double>(finished.longest));
  all.params_n.Observe(static_cast<double>(finished.n));
  all.params_max_tokens.Observe(static_cast<double>(finished.max_tokens));
  all.first_token.Observe((total_ms - decode_ms) * kPerMs);
  all.whole.Observe(total_ms * kPerMs);
  all.queue.Observe((total_ms - render_ms - prefill_ms - decode_ms) * kPerMs);
  all.prefill.Observe(prefill_ms * kPerMs);
  all.decode.Observe(decode_ms * kPerMs);
  all.inference.Observe((prefill_ms + decode_ms) * kPerMs);
  if (written > 1) {
    const double each = decode_ms * kPerMs / (written - 1);
    all.per_token.Observe(each);
    all.between_tokens.Observe(each);
  }
}

void Metrics::count_unanswered(std::string_view reason) { impl_->finished(reason).Increment(); }

void Metrics::count_verdict(std::string_view label, const Verdict* verdict, double latency_ms) {
  Impl& all = *impl_;
  all.counter("parapet:verdicts_total", "Verdicts by label", {{"label", std::string(label)}})
      .Increment();
  {
    const std::lock_guard lock(all.mutex);
    ++all.totals.verdicts[std::string(label)];
  }
  all.verdict_seconds.Observe(latency_ms * 1e-3);
  all.latency.note(latency_ms);
  if (verdict == nullptr) return;
  all.verdict_passes.Observe(static_cast<double>(verdict->num_passes));
  for (const std::string& category : verdict->categories) {
    all.counter("parapet:verdict_categories_total", "Verdicts by category that they name",
                {{"category", category}})
        .Increment();
  }
  if (const auto& p = verdict->probabilities) {
    all.safe.Observe(p->safe);
    all.controversial.Observe(p->controversial);
    all.unsafe.Observe(p->unsafe);
    all.label_mass.Observe(p->label_mass);
  }
}

void Metrics::count_http(std::string_view path, std::string_view method, int status) {
  impl_
      ->counter("http_requests_total", "Requests by handler and status",
                {{"handler", std::string(path)},
                 {"method", std::string(method)},
                 {"status", fmt::format("{}xx", status / 100)}})
      .Increment();
}

void Metrics::count_refusal(std::string_view why) {
  impl_
      ->counter("parapet:requests_refused_total", "Requests refused for want of room or time",
                {{"reason", std::string(why)}})
      .Increment();
}

std::string Metrics::text() const {
  auto families = impl_->registry.Collect();
  auto engine = impl_->engine.Collect();
  families.insert(families.end(), std::make_move_iterator(engine.begin()),
                  std::make_move_iterator(engine.end()));
  return prometheus::TextSerializer().Serialize(families);
}

Metrics::Totals Metrics::totals() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->totals;
}

Recent::Latency Metrics::verdict_latency() const { return impl_->latency.latency(); }
double Metrics::prompt_tokens_per_second() const { return impl_->prompt_rate.per_second(); }
double Metrics::generation_tokens_per_second() const { return impl_->generation_rate.per_second(); }
double Metrics::verdicts_per_second() const { return impl_->verdict_rate.per_second(); }

void Metrics::tick() {
  const Totals now = totals();
  std::int64_t verdicts = 0;
  for (const auto& [label, count] : now.verdicts) verdicts += count;
  impl_->prompt_rate.sample(static_cast<double>(now.prompt_tokens));
  impl_->generation_rate.sample(static_cast<double>(now.generation_tokens));
  impl_->verdict_rate.sample(static_cast<double>(verdicts));
}

}  // namespace parapet::server
