#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "parapet/e2e.h"

namespace parapet {
namespace {

using nlohmann::ordered_json;

constexpr std::array<const char*, 4> kToldLabels = {"Safe", "Controversial", "Unsafe", "none"};

std::string or_unknown(const std::string& text) { return text.empty() ? "unknown" : text; }

// A cell of a table: no line break or bar of a stranger's may end it.
std::string cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell.push_back('\\');
    cell.push_back(c == '\n' ? ' ' : c);
  }
  return cell;
}

std::string value_text(const E2eRow& row) {
  if (!row.value) return "undefined";
  return row.standard_error ? fmt::format("{:.4f} ± {:.4f}", *row.value, *row.standard_error)
                            : fmt::format("{:.4f}", *row.value);
}

std::string device_text(const EngineInfo& engine) {
  return fmt::format("{} ({}, {} threads), {} weights, {} KV cache", engine.device, engine.isa,
                     engine.num_threads, engine.weights_dtype, engine.kv_cache_dtype);
}

std::string head_markdown(const E2eReport& report) {
  std::string text = fmt::format("# {}\n\n", e2e_report_name(report));
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) text += fmt::format("- **{}**: {}\n", what, cell(value));
  };
  line("Model", report.model);
  line("Parapet Version", report.version);
  line("Server Version", report.server_version);
  line("Hardware Environment", report.hardware);
  line("Processor", report.engine ? or_unknown(report.processor) : report.processor);
  if (report.engine) line("Device", device_text(*report.engine));
  line("Parallel mode", report.parallel_mode);
  line("Execution mode", report.execution_mode);
  text += fmt::format("\n**Command**:\n\n```bash\n{}\n", report.command);
  if (!report.lm_eval_command.empty()) text += report.lm_eval_command + "\n";
  return text + "```\n\n";
}

std::string rows_markdown(const E2eReport& report) {
  std::string text =
      "| Task | Metric | Value | Expected | Passes from | n |\n"
      "|---|---|---|---|---|---|\n";
  for (const E2eRow& row : report.rows) {
    text += fmt::format("| {} | {} | {}{} | {:.4f} | {} {:.4f} | {} |\n", cell(row.task),
                        cell(row.metric), row.passed ? "✅" : "❌", value_text(row), row.expected,
                        row.higher_is_better ? "≥" : "≤", row.bound(),
                        row.count == 0 ? "" : std::to_string(row.count));
  }
  return text;
}

// The labels against what was told, where there are labels.
std::string task_markdown(const E2eTask& task) {
  if (task.count == 0 && task.source.empty()) return "";
  std::string text = fmt::format("\n## {}\n\n", cell(task.name));
  if (!task.source.empty()) text += fmt::format("Expected values: {}\n\n", task.source);
  if (task.count == 0) return text;
  text += fmt::format("{} conversations of `{}`\n\n", task.count, task.dataset.string());
  text += "| label \\ told | Safe | Controversial | Unsafe | no verdict |\n|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < task.confusion.size(); ++i) {
    text += fmt::format("| {} | {} |\n", kToldLabels[i], fmt::join(task.confusion[i], " | "));
  }
  if (!task.first_problem.empty()) {
    text += fmt::format("\nThe first without a verdict: {}\n", cell(task.first_problem));
  }
  return text;
}

ordered_json or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const E2eRow& row) {
  return {{"task", row.task},
          {"metric", row.metric},
          {"value", or_null(row.value)},
          {"stderr", or_null(row.standard_error)},
          {"n", row.count},
          {"expected", row.expected},
          {"rtol", row.rtol},
          {"bound", row.bound()},
          {"higher_is_better", row.higher_is_better},
          {"passed", row.passed}};
}

ordered_json to_json(const E2eTask& task) {
  ordered_json json = {{"name", task.name}, {"source", task.source}, {"n", task.count}};
  if (task.count == 0) return json;
  json["dataset"] = task.dataset.string();
  for (std::size_t truth = 0; truth < task.confusion.size(); ++truth) {
    for (std::size_t told = 0; told < kToldLabels.size(); ++told) {
      json["confusion"][kToldLabels[truth]][kToldLabels[told]] = task.confusion[truth][told];
    }
  }
  json["first_problem"] =
      task.first_problem.empty() ? ordered_json(nullptr) : ordered_json(task.first_problem);
  return json;
}

}  // namespace

bool E2eReport::passed() const {
  return std::ranges::all_of(rows, [](const E2eRow& row) { return row.passed; });
}

std::string e2e_report_name(const E2eReport& report) {
  const std::filesystem::path name(report.model_name);
  const std::filesystem::path last = name.has_filename() ? name : name.parent_path();
  return last.has_filename() ? last.filename().string() : "model";
}

std::string e2e_markdown(const E2eReport& report) {
  std::string text = head_markdown(report) + rows_markdown(report);
  for (const E2eTask& task : report.tasks) text += task_markdown(task);
  return text;
}

std::string e2e_json(const E2eReport& report) {
  ordered_json json = {{"model_name", report.model_name},
                       {"model_type", report.model_type},
                       {"model", report.model},
                       {"passed", report.passed()},
                       {"version", report.version},
                       {"server_version", report.server_version},
                       {"hardware", report.hardware},
                       {"processor", report.processor},
                       {"parallel_mode", report.parallel_mode},
                       {"execution_mode", report.execution_mode},
                       {"command", report.command},
                       {"lm_eval_command", report.lm_eval_command},
                       {"seconds", report.seconds},
                       {"device", nullptr},
                       {"rows", ordered_json::array()},
                       {"tasks", ordered_json::array()}};
  if (const auto& engine = report.engine) {
    json["device"] = {{"name", engine->device},
                      {"isa", engine->isa},
                      {"num_threads", engine->num_threads},
                      {"weights_dtype", engine->weights_dtype},
                      {"kv_cache_dtype", engine->kv_cache_dtype}};
  }
  for (const E2eRow& row : report.rows) json["rows"].push_back(to_json(row));
  for (const E2eTask& task : report.tasks) json["tasks"].push_back(to_json(task));
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace parapet
