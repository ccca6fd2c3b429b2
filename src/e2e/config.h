// vLLM-Ascend's accuracy configurations: what a model is, how to serve it, what it should reach.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "e2e/scores.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

enum class E2eModelType : std::uint8_t {
  kGuard,  // "vllm-guard": verdicts against labels
  kText,   // "vllm": tasks of lm-evaluation-harness
};

struct E2eMetric {
  std::string name;
  double expected = 0;
  double rtol = 0;
  GuardMetric of_guard;  // of model_type vllm-guard
};

// Which message of a conversation is judged.
enum class Judged : std::uint8_t {
  kLast,      // as a response, if it is the assistant's
  kPrompt,    // a response behind it is not shown
  kResponse,  // a line without one is refused
};

// Where a line of a dataset has what. docs/e2e.md shows one.
struct DatasetColumns {
  std::string messages = "messages";
  std::string prompt = "prompt";
  std::string response = "response";
  std::string safety = "safety";
  std::string categories = "categories";
  std::string refusal = "refusal";
  std::map<std::string, Safety> labels;  // what the safety column's values mean
  Judged judged = Judged::kLast;
};

struct E2eTaskConfig {
  std::string name;
  std::string source;
  std::filesystem::path dataset;  // of model_type vllm-guard
  DatasetColumns columns;
  std::vector<E2eMetric> metrics;
};

struct E2eConfig {
  std::filesystem::path file;
  std::string model_name;
  std::string hardware;
  E2eModelType model_type = E2eModelType::kText;

  ModelOptions engine;  // `model` is empty
  std::string dtype = "auto";
  std::int64_t tensor_parallel_size = 1;
  std::map<std::string, std::string> environment;

  std::int64_t num_fewshot = 0;
  double limit = 0;  // conversations of a task, the first ones; below 1: a share of them; 0: all
  std::int64_t batch_size = 0;  // 0: "auto"
  bool apply_chat_template = true;
  bool fewshot_as_multiturn = true;
  std::filesystem::path include_path;  // lm-evaluation-harness's task files; may be empty
  std::vector<E2eTaskConfig> tasks;
};

// Refuses what it does not know and what cannot be honoured: file, line, key, and what is allowed.
Result<E2eConfig> read_e2e_config(const std::filesystem::path& file);
// The text of that file.
Result<E2eConfig> parse_e2e_config(const std::filesystem::path& file, const std::string& text);

}  // namespace parapet
