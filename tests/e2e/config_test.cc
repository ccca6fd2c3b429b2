#include "e2e/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/paths.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Configuration : public ::testing::Test {
 protected:
  Result<E2eConfig> read(const std::string& yaml) {
    return read_e2e_config(directory_.write("config.yaml", yaml));
  }
  // A good one with one line more, or other lines in the place of those that begin alike.
  static std::string good_with(const std::string& lines, const std::string& task_line = "") {
    return "model_name: guard\nmodel_type: vllm-guard\n" + lines +
           "\ntasks:\n  - name: labels\n    dataset: data.jsonl\n" + task_line +
           "    metrics:\n      - {name: agreement, value: 0.5}\n";
  }

  TemporaryDirectory directory_;
};

TEST_F(Configuration, HasAllOfTheFormat) {
  const auto config = read(
      "model_name: Qwen/Guard\nhardware: Atlas\nmodel_type: vllm-guard\n"
      "serve: {tensor_parallel_size: 1, dtype: bfloat16, max_model_len: 8192, enforce_eager: "
      "true,\n"
      "        gpu_memory_utilization: 0.8, trust_remote_code: false, quantization: int8,\n"
      "        block_size: 32, kv_cache_dtype: int8, enable_prefix_caching: false,\n"
      "        enable_expert_parallel: false, enable_thinking: false}\n"
      "envs: {PARAPET_FORCE_ISA: portable}\nnum_fewshot: 0\nlimit: 100\nbatch_size: 32\n"
      "apply_chat_template: true\nfewshot_as_multiturn: true\nrtol: 0.1\n"
      "tasks:\n"
      "  - {name: a, dataset: d/a.jsonl, source: a paper, safety_column: toxicity,\n"
      "     labels: {0: Safe, 1: Unsafe}, metrics: [{name: 'f1,strict', value: 0.8, rtol: 0.2}]}\n"
      "  - {name: b, dataset: /b.jsonl, rtol: 0.3, metrics: [{name: agreement, value: 1}]}\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->model_type, E2eModelType::kGuard);
  EXPECT_EQ(config->engine.max_model_len, 8192);
  EXPECT_EQ(config->engine.memory_utilization, 0.8);
  EXPECT_EQ(config->engine.block_size, 32);
  EXPECT_EQ(config->engine.quantization, "int8");
  EXPECT_TRUE(config->engine.enforce_eager);
  EXPECT_FALSE(config->engine.enable_prefix_caching);
  EXPECT_EQ(config->environment.at("PARAPET_FORCE_ISA"), "portable");
  EXPECT_EQ(config->limit, 100);
  EXPECT_EQ(config->batch_size, 32);
  ASSERT_EQ(config->tasks.size(), 2U);
  const E2eTaskConfig& task = config->tasks[0];
  EXPECT_EQ(task.dataset, directory_.path() / "d/a.jsonl");
  EXPECT_EQ(task.columns.safety, "toxicity");
  EXPECT_EQ(task.columns.labels.at("1"), Safety::kUnsafe);
  EXPECT_THAT(task.metrics, ElementsAre(Field(&E2eMetric::rtol, 0.2)));
  EXPECT_EQ(config->tasks[1].dataset, "/b.jsonl");
  EXPECT_THAT(config->tasks[1].metrics, ElementsAre(Field(&E2eMetric::rtol, 0.3)));
}

TEST_F(Configuration, HasTheOtherRunnersDefaults) {
  const auto config =
      read("model_name: m\ntasks: [{name: gsm8k, metrics: [{name: acc, value: 2}]}]");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->model_type, E2eModelType::kText);
  EXPECT_EQ(config->engine.max_model_len, 4096);
  EXPECT_EQ(config->dtype, "auto");
  EXPECT_TRUE(config->apply_chat_template);
  EXPECT_TRUE(config->fewshot_as_multiturn);
  EXPECT_EQ(config->batch_size, 0);
  EXPECT_EQ(config->limit, 0);
  EXPECT_THAT(config->tasks[0].metrics, ElementsAre(Field(&E2eMetric::rtol, 0.05)));
}

TEST_F(Configuration, IsRefusedWithLineKeyAndWhatIsAllowed) {
  struct Fault {
    const char* lines;  // from the third line on
    const char* begins;
    const char* says;
  };
  const Fault kFaults[] = {
      {"hardwear: x", "3: unknown key \"hardwear\"; allowed:", "hardware"},
      {"system_prompt: x", "3: unknown key \"system_prompt\"", "allowed"},
      {"<<: {a: 1}", "3: unknown key \"<<\"", "allowed"},
      {"model_name: other", "3: model_name is there twice", ""},
      {"serve: 5", "3: serve must be a mapping", "max_model_len"},
      {"serve:\n  dtype: bfloat16\n  blocksize: 1", "5: serve: unknown key \"blocksize\"",
       "block_size"},
      {"serve: {dtype: fp8}", "3: serve.dtype: \"fp8\" cannot be honoured", "bfloat16"},
      {"serve: {quantization: ascend}", "3: serve.quantization: \"ascend\"", "int8, int4"},
      {"serve: {kv_cache_dtype: fp8}", "3: serve.kv_cache_dtype: \"fp8\"", "bfloat16"},
      {"serve: {load_format: gguf}", "3: serve.load_format: \"gguf\"", "auto, dummy"},
      {"serve: {max_model_len: -1}", "3: serve.max_model_len: must be 1 or more", ""},
      {"serve: {max_model_len: 4k}", "3: serve.max_model_len: \"4k\" where a whole number", ""},
      {"serve: {max_model_len: '4096'}", "3: serve.max_model_len: \"4096\" where a whole", ""},
      {"serve: {max_model_len: [1]}", "3: serve.max_model_len: a list where a whole", ""},
      {"serve: {block_size: 0}", "3: serve.block_size: must be 1 or more", ""},
      {"serve: {tensor_parallel_size: 0}", "3: serve.tensor_parallel_size: must be 1 or more", ""},
      {"serve: {gpu_memory_utilization: 1.5}", "3: serve.gpu_memory_utilization", "0 and 1"},
      {"serve: {enforce_eager: maybe}", "3: serve.enforce_eager: \"maybe\" where true or", ""},
      {"serve: {trust_remote_code: 1}", "3: serve.trust_remote_code: \"1\" where true or", ""},
      {"serve: {enable_expert_parallel: true}", "3: serve.enable_expert_parallel", "experts"},
      {"serve: {enable_thinking: true}", "3: serve.enable_thinking", "think aloud"},
      {"envs: [A]", "3: envs: must be a mapping", ""},
      {"envs: {'A=B': c}", "3: envs: must be a mapping", ""},
      {"num_fewshot: 5", "3: num_fewshot: a guard is shown no examples; expected 0", ""},
      {"num_fewshot: -1", "3: num_fewshot: must be 0 or more", ""},
      {"limit: 0", "3: limit: must be a whole number, or a share below 1", ""},
      {"limit: 2.5", "3: limit: must be a whole number", ""},
      {"limit: .nan", "3: limit: \".nan\" where a number", ""},
      {"limit: 1e300", "3: limit: must be a whole number", ""},
      {"batch_size: none", "3: batch_size: must be auto", ""},
      {"batch_size: 0", "3: batch_size: must be auto", ""},
      {"apply_chat_template: false", "3: apply_chat_template", "expected true"},
      {"fewshot_as_multiturn: 2", "3: fewshot_as_multiturn: \"2\" where true or false", ""},
      {"include_path: .", "3: include_path", "model_type vllm"},
      {"rtol: 1", "3: rtol: must be at least 0 and below 1", ""},
      {"rtol: -0.1", "3: rtol: must be at least 0 and below 1", ""},
      {"hardware: [", "", ""},  // YAML's own complaint, wherever it notices
  };
  for (const Fault& fault : kFaults) {
    const auto config = read(good_with(fault.lines));
    ASSERT_FALSE(config) << fault.lines;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument) << fault.lines;
    EXPECT_THAT(config.error().message,
                AllOf(HasSubstr(std::string("config.yaml:") + fault.begins), HasSubstr(fault.says)))
        << fault.lines;
  }
}

TEST_F(Configuration, RefusesTasksThatItCannotAsk) {
  struct Fault {
    const char* tasks;  // from the third line on
    const char* says;
  };
  const Fault kFaults[] = {
      {"", "config.yaml:1: tasks: is missing"},
      {"tasks: []", "config.yaml:3: tasks: a list where a list of one or more is expected"},
      {"tasks: {a: 1}", "config.yaml:3: tasks: a mapping where a list"},
      {"tasks:\n  - labels", "config.yaml:4: tasks[0] must be a mapping"},
      {"tasks:\n  - {name: a, dataset: b}", "config.yaml:4: tasks[0].metrics: is missing"},
      {"tasks:\n  - {dataset: b, metrics: [{name: agreement, value: 1}]}",
       "config.yaml:4: tasks[0].name: is missing"},
      {"tasks:\n  - {name: a, metrics: [{name: agreement, value: 1}]}",
       "config.yaml:4: tasks[0].dataset: is missing"},
      {"tasks:\n  - name: a\n    split: test\n    dataset: b\n    metrics: [{name: agreement, "
       "value: 1}]",
       "config.yaml:5: tasks[0]: unknown key \"split\"; allowed: name, dataset"},
      {"tasks:\n  - name: a\n    dataset: b\n    labels: {0: Fine}\n    metrics: [{name: "
       "agreement, value: 1}]",
       "config.yaml:6: tasks[0].labels: must map values"},
      {"tasks:\n  - name: a\n    dataset: b\n    judged: both\n    metrics: [{name: agreement, "
       "value: 1}]",
       "config.yaml:6: tasks[0].judged: \"both\" where prompt, response or last"},
      {"tasks:\n  - name: a\n    dataset: b\n    metrics:\n      - {name: f1, value: 1}",
       "config.yaml:7: tasks[0].metrics[0].name: unknown metric \"f1\"; there are agreement"},
      {"tasks:\n  - name: a\n    dataset: b\n    metrics:\n      - {name: agreement, value: 76}",
       "config.yaml:7: tasks[0].metrics[0].value: must be between 0 and 1"},
      {"tasks:\n  - name: a\n    dataset: b\n    metrics:\n      - {name: agreement}",
       "config.yaml:7: tasks[0].metrics[0].value: is missing"},
      {"tasks:\n  - name: a\n    dataset: b\n    metrics:\n      - {name: agreement, val: 1}",
       "config.yaml:7: tasks[0].metrics[0]: unknown key \"val\"; allowed: name, value, rtol"},
  };
  for (const Fault& fault : kFaults) {
    const auto config = read(std::string("model_name: m\nmodel_type: vllm-guard\n") + fault.tasks);
    ASSERT_FALSE(config) << fault.tasks;
    EXPECT_THAT(config.error().message, HasSubstr(fault.says)) << fault.tasks;
  }
}

// A list of lists that are all one would take as long as its author likes.
TEST_F(Configuration, RefusesListsThatAreTooLong) {
  std::string yaml = "model_name: g\ntasks:\n";
  for (int i = 0; i < 1001; ++i) {
    yaml += i == 0 ? "- &a {name: a, metrics: [{name: m, value: 0}]}\n" : "- *a\n";
  }
  const auto config = read(yaml);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("tasks: has 1001 members; expected at most 1000"));
}

// YAML's complaint holds the character that it complains of.
TEST_F(Configuration, AnswersInOneLine) {
  const auto config = read("model_name: g\nhardware: \"\\\n\"\n");
  const auto escape = read("model_name: g\nhardware: \"\\\001\"\n");
  ASSERT_FALSE(config || escape);
  for (const auto* each : {&config, &escape}) {
    EXPECT_THAT(each->error().message, Not(ContainsRegex("[[:cntrl:]]")));
  }
}

TEST_F(Configuration, RefusesModelTypesThatParapetDoesNotRun) {
  const std::string tasks = "\ntasks: [{name: a, metrics: [{name: b, value: 1}]}]";
  for (const char* type : {"vllm-vlm", "vllm-asr", "vllm-rm"}) {
    const auto config = read("model_name: m\nmodel_type: " + std::string(type) + tasks);
    ASSERT_FALSE(config) << type;
    EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(config.error().message, AllOf(HasSubstr(":2: model_type"), HasSubstr(type)));
  }
  const auto unknown = read("model_name: m\nmodel_type: guard" + tasks);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("expected vllm-guard"));
}

TEST_F(Configuration, RefusesWhatIsNoConfiguration) {
  EXPECT_FALSE(read(""));
  EXPECT_FALSE(read("- a\n- b\n"));
  EXPECT_FALSE(read(std::string(2 << 20, '#')));
  EXPECT_FALSE(read("model_name: " + std::string(5000, '[')));
  const auto missing = read_e2e_config(directory_.path() / "missing.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST_F(Configuration, OfThisRepositoryIsGood) {
  for (const char* name :
       {"Qwen3Guard-Gen-0.6B", "Qwen3Guard-Gen-4B", "Qwen3Guard-Gen-8B", "parapet-guard-tiny"}) {
    const auto config = read_e2e_config(test::source_dir() / "tests/e2e/models/configs" /
                                        (std::string(name) + ".yaml"));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(std::filesystem::path(config->model_name).filename(), name);
    for (const E2eTaskConfig& task : config->tasks) EXPECT_NE(task.source, "") << task.name;
  }
}

}  // namespace
}  // namespace parapet
