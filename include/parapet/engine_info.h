// What an engine is, and what it has done so far.
#pragma once

#include <cstdint>
#include <string>

namespace parapet {

// Fixed when a model is loaded: what a start-up log says.
struct EngineInfo {
  std::string device;  // "cpu"
  std::string isa;     // "avx2"
  int num_threads = 0;
  std::string activation_dtype;  // "float32", "bfloat16"
  std::string weights_dtype;  // "bfloat16"; "int8" and "int4" are quantized
  std::int64_t weight_bytes = 0;
  std::int64_t activation_bytes = 0;  // of the largest step; taken as steps need it
  double load_seconds = 0;            // of weights: mapping, checking, packing

  // As in ModelOptions, with what it left open filled in.
  std::int64_t max_model_len = 0;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;

  std::string kv_cache_dtype;
  std::int64_t block_size = 0;
  std::int64_t kv_cache_tokens = 0;
  std::int64_t kv_cache_bytes = 0;
  // Requests of max_model_len that the cache holds at once.
  double max_concurrency() const {
    return static_cast<double>(kv_cache_tokens) / static_cast<double>(max_model_len);
  }

  std::int64_t num_captured_sizes = 0;  // 0: eager mode
  double capture_seconds = 0;
  std::int64_t capture_bytes = 0;  // what capturing added to the process's memory
  double total_seconds = 0;        // from the call to a ready engine
};

// Counters rise from 0; gauges are as of the last step.
struct EngineCounters {
  std::int64_t steps = 0;
  std::int64_t rows = 0;  // tokens and draft nodes computed
  std::int64_t requests_finished = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_cache_queries = 0;  // prompt tokens looked up
  std::int64_t prefix_cache_hits = 0;     // of them, found
  double step_seconds = 0;                // in steps, of which
  double model_seconds = 0;               // in the device's ops

  std::int64_t requests_running = 0;  // gauges
  std::int64_t requests_waiting = 0;
  std::int64_t kv_cache_tokens_in_use = 0;
};

}  // namespace parapet
