// Benchmarks of whole models on this machine. They measure; nothing here judges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

struct BenchOptions {
  ModelOptions model;  // `model.model` may be empty where `shape` is given
  std::string shape;   // "0.6b", "4b", "8b", "tiny": dummy weights of that size; empty: model.model
  int rounds = 5;      // repetitions, interleaved; medians are told
};

struct Milliseconds {
  double p50 = 0;
  double p99 = 0;
};

// Verdicts against plain greedy decoding of the same answers and against the bare forward pass.
//
// Every conversation is a policy of `policy_tokens`, warm in the cache, a text of `text_tokens` and
// the template's end, `tail_tokens`; its answer has eight tokens, as Qwen3Guard's "Safe" has. Token
// ids are random, and so that random weights "agree" with a drafted answer, that answer is what
// these weights write by greedy decoding. What is computed is what a real verdict computes.
struct VerdictBenchOptions : BenchOptions {
  std::int64_t policy_tokens = 201;
  std::int64_t text_tokens = 64;
  std::int64_t tail_tokens = 96;
  std::int64_t concurrency = 4;  // also measured with so many at once
};

struct VerdictBench {
  EngineInfo engine;
  std::int64_t uncached_tokens = 0;  // text and tail
  Milliseconds forward;              // one pass over them, one row of logits
  Milliseconds safe;                 // a verdict that is as drafted
  Milliseconds one_category;         // one whose label is not, with one of ten categories
  Milliseconds greedy;               // the safe answer, a pass a token
  Milliseconds greedy_one_category;  // likewise
  Milliseconds safe_concurrent;      // `concurrency` at once
  Milliseconds greedy_concurrent;
  double passes_safe = 0;  // means
  double passes_one_category = 0;
  double prefix_hit_rate = 0;       // share of prompt tokens from the cache
  double verdict_over_forward = 0;  // medians of ratios within a round
  double greedy_over_verdict = 0;
  double greedy_over_verdict_one_category = 0;
  double greedy_over_verdict_concurrent = 0;
  double step_overhead_us = 0;         // of a decode step outside the device's ops, with "tiny"
  double step_overhead_us_queued = 0;  // the same while 1,000 requests wait
};
Result<VerdictBench> bench_verdict(const VerdictBenchOptions& options);

// Many requests at once: random prompts with a shared beginning.
struct ThroughputBenchOptions : BenchOptions {
  std::int64_t num_requests = 64;
  std::int64_t shared_tokens = 200;  // at the beginning of every prompt
  std::int64_t own_tokens = 100;
  std::int64_t output_tokens = 8;
};

struct ThroughputBench {
  EngineInfo engine;
  double seconds = 0;  // median over rounds; every round starts with an empty cache
  double requests_per_second = 0;
  double prompt_tokens_per_second = 0;
  double output_tokens_per_second = 0;
  double prefix_hit_rate = 0;
  std::int64_t preemptions = 0;
  std::int64_t steps = 0;
  std::int64_t resident_bytes_ready = 0;  // of the process, before the first request
  std::int64_t resident_bytes_first = 0;  // after the first round
  std::int64_t resident_bytes_last = 0;   // after the last one
};
Result<ThroughputBench> bench_throughput(const ThroughputBenchOptions& options);

}  // namespace parapet
