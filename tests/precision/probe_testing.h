// Probes of golden checkpoints, and their errors.
#pragma once

#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model/golden_logits.h"
#include "precision/divergence.h"
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
