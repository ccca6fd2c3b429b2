// What tools/golden/logits_golden.py left in tests/golden/logits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"

namespace parapet::test {

struct GoldenPrompt {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> rows;                 // positions whose logits are known
  std::vector<float> logits;                      // [rows, vocab]
  std::vector<std::int32_t> greedy_continuation;  // as many as were computed
  float smallest_margin = 0;                      // between best and second on the way
};

struct GoldenCheckpoint {
  std::string name;
  std::filesystem::path directory;
  ModelConfig config;
  std::vector<GoldenPrompt> prompts;

  Weights weights() const;
};

// These fail loudly (std::runtime_error) where a file is missing or not what it should be.
std::vector<std::string> golden_names();
GoldenCheckpoint golden_checkpoint(const std::string& name);

}  // namespace parapet::test
