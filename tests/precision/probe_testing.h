// Probes of golden checkpoints, and their errors.
#pragma once

#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model/golden_logits.h"
#include "precision/forward_probe.h"

namespace parapet::test {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

// All in float32, two threads.
inline ProbeOptions float32_options(const std::filesystem::path& checkpoint) {
  ProbeOptions options;
  options.model.model = checkpoint;
  options.model.num_threads = 2;
  options.model.kv_cache_dtype = "float32";
  return options;
}

// Candidate settings of the same checkpoint: all in bfloat16.
inline ProbeOptions bfloat16_options(const std::filesystem::path& checkpoint) {
  ProbeOptions options = float32_options(checkpoint);
  options.model.activation_dtype = "bfloat16";
  options.model.kv_cache_dtype = "bfloat16";
  return options;
}

inline double relative_l2(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double delta = static_cast<double>(actual[i]) - expected[i];
    difference += delta * delta;
    norm += static_cast<double>(expected[i]) * expected[i];
  }
  return std::sqrt(difference / norm);
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

inline std::vector<ProbePrompt> prompts_of(const GoldenCheckpoint& golden) {
  std::vector<ProbePrompt> prompts;
  for (const GoldenPrompt& prompt : golden.prompts) {
    prompts.push_back({prompt.token_ids, {prompt.rows.begin(), prompt.rows.end()}});
  }
  return prompts;
}

}  // namespace parapet::test
