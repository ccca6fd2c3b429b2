// Any text as a configuration of `parapet e2e`: refused with one line that names the file, or
// values within what the documentation allows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "e2e/config.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

bool is_whole(const parapet::E2eTaskConfig& task, bool of_guard) {
  for (const parapet::E2eMetric& metric : task.metrics) {
    if (metric.name.empty() || metric.rtol < 0 || metric.rtol >= 1) return false;
    if (of_guard && (metric.expected < 0 || metric.expected > 1)) return false;
  }
  return !task.name.empty() && !task.metrics.empty() && task.dataset.empty() != of_guard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = parapet::parse_e2e_config("folder/fuzz.yaml", text);
  if (!config) {
    const std::string& message = config.error().message;
    expect(message.starts_with("folder/fuzz.yaml:") && message.find('\n') == std::string::npos);
    return 0;
  }
  expect(!config->model_name.empty() && !config->tasks.empty());
  expect(config->limit >= 0 && config->batch_size >= 0 && config->num_fewshot >= 0);
  expect(config->engine.max_model_len > 0 && config->engine.block_size > 0);
  const bool of_guard = config->model_type == parapet::E2eModelType::kGuard;
  for (const parapet::E2eTaskConfig& task : config->tasks) expect(is_whole(task, of_guard));
  return 0;
}
