#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "parapet/e2e.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

E2eRow row(const char* metric, std::optional<double> value, bool passed) {
  E2eRow row;
  row.task = "labels";
  row.metric = metric;
  row.value = value;
  row.expected = 0.8;
  row.rtol = 0.05;
  row.passed = passed;
  return row;
}

E2eReport report() {
  E2eReport report;
  report.model_name = "Qwen/Qwen3Guard-Gen-4B";
  report.model_type = "vllm-guard";
  report.model = "/models/4B";
  report.hardware = "Atlas A2 Series";
  report.version = "0.1.0";
  report.processor = "A Processor";
  report.parallel_mode = "TP1";
  report.execution_mode = "Graph";
  report.command = "parapet e2e a.yaml";
  report.rows = {row("agreement", 0.9, true), row("f1,strict", 0.5, false),
                 row("f1,loose", 0.81, true), row("f1,refusal", std::nullopt, false)};
  report.rows[0].standard_error = 0.01;
  report.rows[0].count = 600;
  E2eTask& task = report.tasks.emplace_back();
  task.name = "labels";
  task.dataset = "labels.jsonl";
  task.source = "a paper";
  task.count = 600;
  task.confusion[2] = {34, 19, 156, 1};
  task.first_problem = "it left | the\nformat";
  return report;
}

// One failure must not colour the rows behind it.
TEST(E2eReport, GivesEachRowItsOwnMark) {
  const std::string text = e2e_markdown(report());
  EXPECT_THAT(text,
              HasSubstr("| labels | agreement | ✅0.9000 ± 0.0100 | 0.8000 | ≥ 0.7600 | 600 |\n"));
  EXPECT_THAT(text, HasSubstr("| labels | f1,strict | ❌0.5000 | 0.8000 |"));
  EXPECT_THAT(text, HasSubstr("| labels | f1,loose | ✅0.8100 |"));
  EXPECT_THAT(text, HasSubstr("| labels | f1,refusal | ❌undefined |"));
  EXPECT_FALSE(report().passed());
}

TEST(E2eReport, TellsWhatWasRunOnWhat) {
  const std::string text = e2e_markdown(report());
  for (const char* words :
       {"# Qwen3Guard-Gen-4B\n", "**Parapet Version**: 0.1.0", "**Hardware Environment**: Atlas A2",
        "**Processor**: A Processor", "**Parallel mode**: TP1", "**Execution mode**: Graph",
        "parapet e2e a.yaml\n```", "| Unsafe | 34 | 19 | 156 | 1 |", "Expected values: a paper",
        "it left \\| the format"}) {
    EXPECT_THAT(text, HasSubstr(words));
  }
  EXPECT_THAT(text, Not(HasSubstr("Server Version")));
  E2eReport of = report();
  for (const char* name : {"Qwen/Qwen3Guard-Gen-4B", "/models/Qwen3Guard-Gen-4B/"}) {
    of.model_name = name;
    EXPECT_EQ(e2e_report_name(of), "Qwen3Guard-Gen-4B");
  }
  of.model_name = "/";
  EXPECT_EQ(e2e_report_name(of), "model");
}

TEST(E2eReport, IsJsonForMachines) {
  const auto json = nlohmann::json::parse(e2e_json(report()));
  EXPECT_EQ(json["passed"], false);
  EXPECT_EQ(json["rows"].size(), 4U);
  EXPECT_EQ(json["rows"][0]["value"], 0.9);
  EXPECT_EQ(json["rows"][0]["bound"], 0.8 * 0.95);
  EXPECT_TRUE(json["rows"][3]["value"].is_null());
  EXPECT_EQ(json["tasks"][0]["confusion"]["Unsafe"]["none"], 1);
  EXPECT_TRUE(json["device"].is_null());
}

}  // namespace
}  // namespace parapet
