// What an engine is, and what it has done so far.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parapet {

// Fixed when a model is loaded: what a start-up log says.
struct EngineInfo {
  std::string device;  // "cpu"
  std::string isa;     // "avx2"
  int num_threads = 0;
  std::string activation_dtype;   // "float32", "bfloat16"
  std::string weights_dtype;      // "bfloat16"; "int8" and "int4" are quantized
  std::int64_t dense_layers = 0;  // first layers whose matrices are not quantized, where others are
  std::int64_t weight_bytes = 0;
  std::int64_t activation_bytes = 0;  // of the largest step; taken as steps need it
  double load_seconds = 0;            // of weights: mapping, checking, packing

  // As in ModelOptions, with what it left open filled in.
  std::int64_t max_model_len = 0;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;

  std::int64_t vocab_size = 0;  // logits of a position
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

// Steps by how many tokens each moved on: of prompts, and of answers. A draft that does not hold is
// none.
struct StepTokens {
  static constexpr std::array<std::int64_t, 13> kBounds = {  // vLLM's
      1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

  std::array<std::int64_t, kBounds.size() + 1> steps{};  // up to each bound; the last: beyond all
  std::int64_t tokens = 0;                               // of all steps

  void count(std::int64_t num_tokens) {
    std::size_t i = 0;
    while (i < kBounds.size() && num_tokens > kBounds[i]) ++i;
    ++steps[i];
    tokens += num_tokens;
  }
};

// Counters rise from 0; gauges are as of the last step.
struct EngineCounters {
  std::int64_t steps = 0;
  std::int64_t rows = 0;  // tokens and draft nodes computed
  std::int64_t requests_finished = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_cache_queries = 0;  // prompt tokens looked up
  std::int64_t prefix_cache_hits = 0;     // of them, found
  std::int64_t drafts = 0;                // guesses at answers that steps checked
  std::int64_t draft_tokens = 0;          // of them; branches count too
  std::int64_t accepted_draft_tokens = 0;
  std::vector<std::int64_t> accepted_by_position;  // of drafts' first tokens, second ones, ...
  StepTokens step_tokens;
  double step_seconds = 0;   // in steps, of which
  double model_seconds = 0;  // in the device's ops

  std::int64_t requests_running = 0;  // gauges
  std::int64_t requests_waiting = 0;
  std::int64_t kv_cache_tokens_in_use = 0;
};

}  // namespace parapet
