// Benchmarks of this machine, of kernels on it and of whole models. They measure; nothing here
// judges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "parapet/types.h"

namespace parapet {

// What bounds a computation: reading memory, or multiplying and adding in a format.
enum class Peak : std::uint8_t { kRead, kFp32, kBf16, kInt8, kInt4 };
const char* peak_name(Peak peak);  // "read", "fp32", "bf16", "int8", "int4"

// What the machine does at most, measured; docs/performance.md says how. A multiply-add is two
// operations.
struct MachinePeaks {
  int num_threads = 0;
  double read_gb_s = 0;    // memory far larger than the caches, once, in order; 1e9 bytes
  double fp32_gflops = 0;  // multiply-adds in registers
  double bf16_gflops = 0;  // floats times bfloat16: as fp32, or on matrix tiles in three parts
  double int8_gops = 0;    // exact products of bytes, summed in 32 bits, in registers
  double int4_gops = 0;    // the same of four-bit codes and bytes

  double& of(Peak peak);
  double of(Peak peak) const { return MachinePeaks(*this).of(peak); }
};

// The instructions that were fastest, and so are the peaks.
struct PeakInstructions {
  std::string read;
  std::string fp32;
  std::string bf16;
  std::string int8;
  std::string int4;
};

struct BenchOptions {
  ModelOptions
      model;       // `model.model` may be empty where `model.shape` is given, which may be "tiny"
  int rounds = 5;  // repetitions, interleaved; medians are told
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

// One conversation at a time, as a guard meets them: its policy in the cache, its text not. Each
// figure is held against what the machine's peaks allow for the whole model.
struct LatencyBenchOptions : BenchOptions {
  std::int64_t cached_tokens = 200;
  std::int64_t new_tokens = 160;
};

struct LatencyBench {
  EngineInfo engine;
  MachinePeaks peaks;  // medians of those measured around each round
  std::int64_t cached_tokens = 0;
  std::int64_t new_tokens = 0;

  double ready_seconds = 0;        // from the call to an engine that takes requests
  double first_token_seconds = 0;  // from the call to the answer to a prompt of one token
  // From the call to a Safe verdict with nothing cached, of an engine that is made anew for it:
  // its weights are in the page cache. Empty for dummy weights, which are not read but made.
  std::optional<double> first_verdict_seconds;

  Milliseconds prefill;  // of the new tokens, with one row of logits
  double prefill_gops = 0;
  double prefill_of_limit = 0;
  Milliseconds decode;  // a token, the seven after the first
  double decode_tokens_per_second = 0;
  double decode_gb_s = 0;  // weights, and keys and values of one sequence
  double decode_of_limit = 0;
  Milliseconds verdict;  // Safe: the new tokens and the eight of the answer
  double verdict_of_limit = 0;
  double verdict_passes = 0;
  Milliseconds greedy;  // the same tokens, one by one

  // Of the process, after the first verdict; and the share of it that is weights and KV cache.
  std::int64_t resident_bytes = 0;
  std::int64_t peak_resident_bytes = 0;
  double memory_of_limit = 0;

  std::vector<TokenId> prompt_token_ids;  // of the first round
  std::vector<TokenId> answer_token_ids;
};
Result<LatencyBench> bench_latency(const LatencyBenchOptions& options);

// What a model's published card tells of its machine: loads, eager inference, graph capture and
// replay. Each load is a fresh one, with nothing of an earlier one left.
struct CardBenchOptions : BenchOptions {
  std::int64_t output_tokens = 16;  // of each of the two prompts; end tokens do not end them
};

struct CardBench {
  struct Load {
    double seconds = 0;               // from the call to an engine that takes requests, eager
    double weights_seconds = 0;       // of them, until the weights were there
    std::int64_t resident_bytes = 0;  // that the process grew by
  };
  struct Inference {
    double first_seconds = 0;         // of both prompts, the first thing that the engine does
    double seconds = 0;               // the same again: median over rounds
    std::int64_t resident_bytes = 0;  // that the process grew by, from before the first
  };

  EngineInfo engine;               // the one with graphs
  std::string processor;           // as the system names it; empty where it does not
  std::int64_t prompt_tokens = 0;  // of both prompts together; computed again in every round
  std::int64_t output_tokens = 0;  // likewise

  Load dummy_load;
  std::optional<Load> real_load;  // empty without weights: for a shape, or load_format "dummy"
  Inference eager;
  double capture_seconds = 0;
  std::int64_t num_graph_sizes = 0;  // numbers of rows captured for
  std::int64_t num_graphs = 0;       // a graph a size and piece of the model
  std::int64_t capture_bytes = 0;    // that the process grew by
  Inference replay;
};
// kInternal: replay wrote other tokens than eager mode.
Result<CardBench> bench_card(const CardBenchOptions& options);

// Many requests at once: random prompts with a shared beginning.
struct ThroughputBenchOptions : BenchOptions {
  std::int64_t num_requests = 64;
  std::int64_t shared_tokens = 200;  // at the beginning of every prompt
  std::int64_t own_tokens = 100;
  std::int64_t output_tokens = 8;
};

struct ThroughputBench {
  EngineInfo engine;
  MachinePeaks peaks;  // medians of those measured around each round
  double seconds = 0;  // median over rounds; every round starts with an empty cache
  // The least time that the peaks allow, over the measured one: all prompts in one pass, what they
  // share once if the prefix cache is on, and a pass over all sequences for each further token.
  double of_limit = 0;
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

// Every kernel of a forward pass at a model's sizes, held against what the machine can do. All are
// called through the device's ops, on random weights that are in no cache when their turn comes.
struct KernelBenchOptions {
  std::string shape = "4b";
  std::string device = "cpu";
  int num_threads = 0;  // 0: as many as this process may use
  // "float32", "bfloat16", "float16", "int8", "int4"
  std::vector<std::string> formats = {"bfloat16", "int8", "int4"};
  std::vector<std::int64_t> rows = {1, 4, 16, 160, 512};
  std::int64_t max_context = 32768;         // of attention
  std::string kv_cache_dtype = "bfloat16";  // or "float32", "int8"
  int rounds = 3;                           // medians are told
  ProgressCallback on_progress;             // may be empty
};

struct KernelMeasurement {
  std::string name;          // "qkv", "o", "gate_up", "down", "lm_head", "attention ...", "rest"
  std::string format;        // of the weights; of the KV cache for attention and rest
  std::int64_t rows = 0;     // tokens computed at once
  std::int64_t context = 0;  // tokens attended to; 0 where there is no attention
  double seconds = 0;        // of one call
  double gops = 0;           // 1e9 operations a second
  double gb_s = 0;           // 1e9 bytes a second, each needed byte counted once
  Peak bound_by = Peak::kRead;
  // The least time that the peaks allow, the longer of operations over peak and bytes over read
  // bandwidth, over the measured one: the median of ratios to peaks measured just before and after.
  double of_limit = 0;
};

struct KernelBench {
  std::string device;
  std::string isa;
  std::vector<MachinePeaks>
      per_thread_count;  // of 1, 2, 4, ... and the threads of the kernels last
  PeakInstructions instructions;
  std::vector<KernelMeasurement> kernels;

  const MachinePeaks& peaks() const { return per_thread_count.back(); }
};
Result<KernelBench> bench_kernels(const KernelBenchOptions& options);

}  // namespace parapet
