#include "e2e/lm_eval.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/quote.h"
#include "e2e/child_process.h"
#include "e2e/temporary_folder.h"
#include "e2e/waiting.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxLogBytes = std::size_t{64} << 20;

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

// "https://host/v1/" without its end: routes name it.
std::string base_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

std::string number_text(double number) {
  const auto whole = static_cast<std::int64_t>(number);
  return static_cast<double>(whole) == number ? std::to_string(whole) : std::to_string(number);
}

// What Python's json writes and JSON does not have.
std::string without_nan(std::string text) {
  constexpr std::string_view kNan = ": NaN";
  for (std::size_t at = text.find(kNan); at != std::string::npos; at = text.find(kNan, at)) {
    text.replace(at, kNan.size(), ": null");
  }
  return text;
}

// "exact_match,strict-match": the metric and its filter. Without a filter it is "none".
std::pair<std::string, std::string> split_metric(const std::string& name) {
  const std::size_t comma = name.find(',');
  if (comma == std::string::npos) return {name, "none"};
  return {name.substr(0, comma), name.substr(comma + 1)};
}

Result<std::string> read_results(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("results") && name.ends_with(".json")) {
      return read_file(entry.path(), kMaxLogBytes);
    }
  }
  return Error{ErrorCode::kNotFound, "lm-evaluation-harness wrote no results"};
}

}  // namespace

std::vector<std::string> lm_eval_command(const std::string& program, const E2eConfig& config,
                                         const LmEvalServer& server,
                                         const std::filesystem::path& output) {
  std::vector<std::string> tasks;
  for (const E2eTaskConfig& task : config.tasks) tasks.push_back(task.name);
  const bool chat = config.apply_chat_template;
  std::string model = "model=" + server.model + ",base_url=" + base_of(server.url) +
                      (chat ? "/v1/chat/completions" : "/v1/completions") +
                      ",num_concurrent=8,max_retries=1" +
                      ",max_length=" + std::to_string(config.engine.max_model_len);
  if (!chat) model += ",tokenizer_backend=remote";
  if (!chat && !server.api_key.empty()) model += ",auth_token=" + server.api_key;
  std::vector<std::string> command = {
      program,
      "--model",
      chat ? "local-chat-completions" : "local-completions",
      "--model_args",
      model,
      "--tasks",
      joined(tasks, ","),
      "--num_fewshot",
      std::to_string(config.num_fewshot),
      "--batch_size",
      std::to_string(config.batch_size == 0 ? 1 : config.batch_size),
      "--output_path",
      output.string()};
  if (config.limit > 0) command.insert(command.end(), {"--limit", number_text(config.limit)});
  if (chat) command.emplace_back("--apply_chat_template");
  if (config.fewshot_as_multiturn && config.num_fewshot > 0) {
    command.emplace_back("--fewshot_as_multiturn");
  }
  if (!config.include_path.empty()) {
    command.insert(command.end(), {"--include_path", config.include_path.string()});
  }
  return command;
}

Result<E2eRow> read_lm_eval_row(std::string_view results_json, const std::string& task,
                                const E2eMetric& metric) {
  const auto results =
      nlohmann::json::parse(without_nan(std::string(results_json)), nullptr, false);
  if (!results.is_object()) return Error{ErrorCode::kCorrupt, "lm-evaluation-harness's results"};
  const auto [name, filter] = split_metric(metric.name);
  const nlohmann::json* found = nullptr;
  for (const char* section : {"results", "groups"}) {
    const auto list = results.find(section);
    if (found == nullptr && list != results.end() && list->contains(task)) found = &list->at(task);
  }
  if (found == nullptr) {
    return Error{ErrorCode::kNotFound,
                 "lm-evaluation-harness gave no results of task " + quote(task)};
  }
  const auto value = found->find(name + "," + filter);
  if (value == found->end() || !value->is_number()) {
    std::vector<std::string> names;
    for (const auto& [key, each] : found->items()) {
      if (each.is_number() && key.find("_stderr") == std::string::npos) names.push_back(key);
    }
    return Error{ErrorCode::kNotFound, "task " + quote(task) + " has no metric " +
                                           quote(metric.name) + "; it has " + joined(names, ", ")};
  }
  E2eRow row;
  row.task = task;
  row.metric = metric.name;
  row.value = value->get<double>();
  const auto error = found->find(name + "_stderr," + filter);
  if (error != found->end() && error->is_number()) row.standard_error = error->get<double>();
  const nlohmann::json::json_pointer better =
      nlohmann::json::json_pointer("/higher_is_better") / task / name;
  if (results.contains(better) && results.at(better).is_boolean()) {
    row.higher_is_better = results.at(better).get<bool>();
  }
  const nlohmann::json::json_pointer samples =
      nlohmann::json::json_pointer("/n-samples") / task / "effective";
  if (results.contains(samples) && results.at(samples).is_number()) {
    row.count = results.at(samples).get<std::int64_t>();
  }
  row.expected = metric.expected;
  row.rtol = metric.rtol;
  row.passed = within_bound(*row.value, row.bound(), row.higher_is_better);
  return row;
}

Result<std::vector<E2eRow>> run_lm_eval(const E2eOptions& options, const E2eConfig& config,
                                        const LmEvalServer& server, std::string& command) {
  PARAPET_ASSIGN(const TemporaryFolder folder, TemporaryFolder::create());
  const auto words = lm_eval_command(options.lm_eval, config, server, folder.path() / "results");
  LmEvalServer without_key = server;
  without_key.api_key.clear();
  command = joined(lm_eval_command(options.lm_eval, config, without_key, "results"), " ");
  const std::filesystem::path log = folder.path() / "log";
  auto process = ChildProcess::start(
      {.command = words,
       .environment = {{"HF_HUB_OFFLINE", "1"},
                       {"HF_DATASETS_OFFLINE", "1"},
                       {"OPENAI_API_KEY", server.api_key.empty() ? "none" : server.api_key}},
       .output = log});
  if (!process) {
    return Error{process.error().code,
                 "model_type vllm needs lm-evaluation-harness (pip install lm_eval[api]): " +
                     process.error().message};
  }
  const int status = wait_for_end(*process, "running lm-evaluation-harness", options.on_progress);
  if (status != 0) {
    return Error{ErrorCode::kUnsupported, "lm-evaluation-harness could not run " + words[6] +
                                              " from what is on this machine (status " +
                                              std::to_string(status) + "): " + last_line(log)};
  }
  PARAPET_ASSIGN(const std::string results, read_results(folder.path() / "results"));
  std::vector<E2eRow> rows;
  for (const E2eTaskConfig& task : config.tasks) {
    for (const E2eMetric& metric : task.metrics) {
      PARAPET_ASSIGN(E2eRow row, read_lm_eval_row(results, task.name, metric));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace parapet
