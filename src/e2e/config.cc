#include "e2e/config.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/quote.h"
#include "e2e/yaml_fields.h"
#include "guard/taxonomy.h"

namespace parapet {
namespace {

// vLLM-Ascend's runner passes a model that gets 5 % worse, or 5 % better; here any better one does.
constexpr double kRelativeTolerance = 0.05;
constexpr std::int64_t kMaxModelLen = 4096;  // as that runner's
constexpr double kMaxLimit = 1e9;            // conversations
constexpr std::size_t kMaxBytes = 1 << 20;

const std::vector<std::string>& top_keys() {
  static const std::vector<std::string> kKeys = {"model_name",
                                                 "model_type",
                                                 "hardware",
                                                 "serve",
                                                 "tasks",
                                                 "num_fewshot",
                                                 "limit",
                                                 "envs",
                                                 "batch_size",
                                                 "apply_chat_template",
                                                 "rtol",
                                                 "include_path",
                                                 "fewshot_as_multiturn"};
  return kKeys;
}

const std::vector<std::string>& serve_keys() {
  static const std::vector<std::string> kKeys = {"tensor_parallel_size",
                                                 "dtype",
                                                 "max_model_len",
                                                 "gpu_memory_utilization",
                                                 "trust_remote_code",
                                                 "enforce_eager",
                                                 "enable_expert_parallel",
                                                 "quantization",
                                                 "enable_thinking",
                                                 "block_size",
                                                 "kv_cache_dtype",
                                                 "max_num_seqs",
                                                 "max_num_batched_tokens",
                                                 "enable_prefix_caching",
                                                 "load_format"};
  return kKeys;
}

const std::vector<std::string>& task_keys(E2eModelType type) {
  static const std::vector<std::string> kText = {"name", "metrics", "rtol", "source"};
  static const std::vector<std::string> kGuard = {"name",
                                                  "dataset",
                                                  "metrics",
                                                  "rtol",
                                                  "source",
                                                  "messages_column",
                                                  "prompt_column",
                                                  "response_column",
                                                  "judged",
                                                  "safety_column",
                                                  "labels",
                                                  "refusal_column",
                                                  "categories_column"};
  return type == E2eModelType::kGuard ? kGuard : kText;
}

// A path in a configuration is relative to it.
std::filesystem::path beside(const std::filesystem::path& file, const std::string& path) {
  return (file.parent_path() / path).lexically_normal();
}

Result<E2eModelType> read_model_type(const YamlFields& top) {
  PARAPET_ASSIGN(const std::string type, top.string_or("model_type", "vllm"));
  if (type == "vllm-guard") return E2eModelType::kGuard;
  if (type == "vllm") return E2eModelType::kText;
  const bool known = type == "vllm-vlm" || type == "vllm-asr" || type == "vllm-rm";
  return top.error("model_type",
                   quote(type) +
                       (known ? " needs a model that Parapet does not run" : " is unknown") +
                       "; expected vllm-guard (verdicts against labels) or vllm "
                       "(lm-evaluation-harness)",
                   known ? ErrorCode::kUnsupported : ErrorCode::kInvalidArgument);
}

Status one_of(const YamlFields& fields, const std::string& key, const std::string& value,
              const std::vector<std::string>& choices, const char* why) {
  if (std::ranges::find(choices, value) != choices.end()) return {};
  std::string expected;
  for (const std::string& choice : choices) expected += (expected.empty() ? "" : ", ") + choice;
  return fields.error(key, quote(value) + " cannot be honoured: " + why + "; expected " + expected);
}

Status at_least(const YamlFields& fields, const std::string& key, double value, double low) {
  if (value >= low) return {};
  return fields.error(key,
                      "must be " + std::to_string(static_cast<std::int64_t>(low)) + " or more");
}

Status read_lengths(const YamlFields& serve, ModelOptions& engine) {
  PARAPET_ASSIGN(engine.max_model_len, serve.integer_or("max_model_len", kMaxModelLen));
  PARAPET_TRY(at_least(serve, "max_model_len", static_cast<double>(engine.max_model_len), 1));
  const std::pair<const char*, std::int64_t*> sizes[] = {
      {"block_size", &engine.block_size},
      {"max_num_seqs", &engine.max_num_seqs},
      {"max_num_batched_tokens", &engine.max_num_batched_tokens}};
  for (const auto& [key, size] : sizes) {
    PARAPET_ASSIGN(*size, serve.integer_or(key, *size));
    PARAPET_TRY(at_least(serve, key, static_cast<double>(*size), 1));
  }
  PARAPET_ASSIGN(engine.memory_utilization, serve.number_or("gpu_memory_utilization", 0));
  if (engine.memory_utilization < 0 || engine.memory_utilization > 1) {
    return serve.error("gpu_memory_utilization", "must be between 0 and 1");
  }
  return {};
}

// What says nothing here, or only one thing.
Status read_without_effect(const YamlFields& serve) {
  PARAPET_ASSIGN(const bool remote_code, serve.boolean_or("trust_remote_code", false));
  (void)remote_code;  // no code of a checkpoint is ever run
  PARAPET_ASSIGN(const bool experts, serve.boolean_or("enable_expert_parallel", false));
  if (experts) return serve.error("enable_expert_parallel", "the model has no experts");
  PARAPET_ASSIGN(const bool thinking, serve.boolean_or("enable_thinking", false));
  if (thinking) return serve.error("enable_thinking", "a guard model does not think aloud");
  return {};
}

Status read_serve(const YamlFields& top, E2eConfig& config) {
  const YAML::Node node = top.find("serve");
  if (!node.IsDefined()) {
    config.engine.max_model_len = kMaxModelLen;
    return {};
  }
  PARAPET_ASSIGN(const YamlFields serve,
                 YamlFields::open(config.file.string(), "serve", node, serve_keys()));
  ModelOptions& engine = config.engine;
  PARAPET_ASSIGN(config.tensor_parallel_size, serve.integer_or("tensor_parallel_size", 1));
  PARAPET_TRY(
      at_least(serve, "tensor_parallel_size", static_cast<double>(config.tensor_parallel_size), 1));
  PARAPET_ASSIGN(config.dtype, serve.string_or("dtype", "auto"));
  PARAPET_TRY(one_of(serve, "dtype", config.dtype,
                     {"auto", "bfloat16", "float16", "half", "float32", "float"},
                     "weights are served as stored"));
  PARAPET_TRY(read_lengths(serve, engine));
  PARAPET_TRY(read_without_effect(serve));
  PARAPET_ASSIGN(engine.enforce_eager, serve.boolean_or("enforce_eager", false));
  PARAPET_ASSIGN(engine.enable_prefix_caching, serve.boolean_or("enable_prefix_caching", true));
  PARAPET_ASSIGN(engine.quantization, serve.string_or("quantization", ""));
  if (!engine.quantization.empty()) {
    PARAPET_TRY(one_of(serve, "quantization", engine.quantization, {"int8", "int4"},
                       "a quantized checkpoint says by itself what it is"));
  }
  PARAPET_ASSIGN(engine.kv_cache_dtype, serve.string_or("kv_cache_dtype", "auto"));
  PARAPET_TRY(one_of(serve, "kv_cache_dtype", engine.kv_cache_dtype,
                     {"auto", "float32", "bfloat16", "int8"}, "the cache has no such format"));
  PARAPET_ASSIGN(engine.load_format, serve.string_or("load_format", "auto"));
  return one_of(serve, "load_format", engine.load_format, {"auto", "dummy"},
                "checkpoints are safetensors");
}

Status read_environment(const YamlFields& top, E2eConfig& config) {
  const YAML::Node node = top.find("envs");
  if (!node.IsDefined()) return {};
  if (!node.IsMap()) return top.error("envs", "must be a mapping of names to values");
  for (const auto& entry : node) {
    const bool named = entry.first.IsScalar() && !entry.first.Scalar().empty() &&
                       entry.first.Scalar().find('=') == std::string::npos;
    if (!named || !entry.second.IsScalar()) {
      return top.error("envs", "must be a mapping of names to values");
    }
    config.environment[entry.first.Scalar()] = entry.second.Scalar();
  }
  return {};
}

// How the tasks are asked.
Status read_asking(const YamlFields& top, E2eConfig& config) {
  PARAPET_ASSIGN(config.num_fewshot, top.integer_or("num_fewshot", 0));
  PARAPET_TRY(at_least(top, "num_fewshot", static_cast<double>(config.num_fewshot), 0));
  PARAPET_ASSIGN(config.limit, top.number_or("limit", 0));
  if (top.has("limit") && (config.limit <= 0 || config.limit > kMaxLimit ||
                           (config.limit > 1 && config.limit != std::trunc(config.limit)))) {
    return top.error("limit", "must be a whole number, or a share below 1");
  }
  PARAPET_ASSIGN(config.apply_chat_template, top.boolean_or("apply_chat_template", true));
  PARAPET_ASSIGN(config.fewshot_as_multiturn,
                 top.boolean_or("fewshot_as_multiturn", config.apply_chat_template));
  const YAML::Node batch = top.find("batch_size");
  if (!batch.IsDefined() || (batch.IsScalar() && batch.Scalar() == "auto")) return {};
  const auto size = top.integer_or("batch_size", 0);
  if (!size || *size < 1)
    return top.error("batch_size", "must be auto, or a whole number from 1 on");
  config.batch_size = *size;
  return {};
}

Status check_asking_of_guard(const YamlFields& top, const E2eConfig& config) {
  if (config.num_fewshot != 0) {
    return top.error("num_fewshot", "a guard is shown no examples; expected 0");
  }
  if (!config.apply_chat_template) {
    return top.error("apply_chat_template", "the template is the guard's policy; expected true");
  }
  if (top.has("include_path")) {
    return top.error("include_path", "belongs to lm-evaluation-harness: model_type vllm");
  }
  return {};
}

Result<double> read_tolerance(const YamlFields& fields, double fallback) {
  PARAPET_ASSIGN(const double rtol, fields.number_or("rtol", fallback));
  if (rtol < 0 || rtol >= 1) return fields.error("rtol", "must be at least 0 and below 1");
  return rtol;
}

Result<E2eMetric> read_metric(const E2eConfig& config, const std::string& where,
                              const YAML::Node& node, double rtol) {
  PARAPET_ASSIGN(const YamlFields fields,
                 YamlFields::open(config.file.string(), where, node, {"name", "value", "rtol"}));
  E2eMetric metric;
  PARAPET_ASSIGN(metric.name, fields.string("name"));
  PARAPET_ASSIGN(metric.expected, fields.number("value"));
  PARAPET_ASSIGN(metric.rtol, read_tolerance(fields, rtol));
  if (config.model_type == E2eModelType::kGuard) {
    if (metric.expected < 0 || metric.expected > 1) {
      return fields.error("value", "must be between 0 and 1");
    }
    auto parsed = parse_guard_metric(metric.name);
    if (!parsed) return fields.error("name", parsed.error().message);
    metric.of_guard = *std::move(parsed);
  }
  return metric;
}

Status read_labels(const YamlFields& fields, std::map<std::string, Safety>& labels) {
  const YAML::Node node = fields.find("labels");
  if (!node.IsDefined()) return {};
  const char* const kExpected =
      "must map values of the safety column to Safe, Controversial or "
      "Unsafe, as in {0: Safe, 1: Unsafe}";
  if (!node.IsMap() || node.size() == 0) return fields.error("labels", kExpected);
  for (const auto& entry : node) {
    const auto* const label = std::ranges::find_if(kAllSafety, [&](Safety safety) {
      return entry.second.IsScalar() && entry.second.Scalar() == to_string(safety);
    });
    if (!entry.first.IsScalar() || label == kAllSafety.end()) {
      return fields.error("labels", kExpected);
    }
    labels[entry.first.Scalar()] = *label;
  }
  return {};
}

Result<Judged> read_judged(const YamlFields& fields) {
  PARAPET_ASSIGN(const std::string judged, fields.string_or("judged", "last"));
  if (judged == "last") return Judged::kLast;
  if (judged == "prompt") return Judged::kPrompt;
  if (judged == "response") return Judged::kResponse;
  return fields.error("judged", quote(judged) + " where prompt, response or last is expected");
}

Status read_dataset(const YamlFields& fields, const E2eConfig& config, E2eTaskConfig& task) {
  PARAPET_ASSIGN(const std::string dataset, fields.string("dataset"));
  task.dataset = beside(config.file, dataset);
  DatasetColumns& columns = task.columns;
  const std::pair<const char*, std::string*> names[] = {
      {"messages_column", &columns.messages}, {"prompt_column", &columns.prompt},
      {"response_column", &columns.response}, {"safety_column", &columns.safety},
      {"refusal_column", &columns.refusal},   {"categories_column", &columns.categories}};
  for (const auto& [key, name] : names) {
    PARAPET_ASSIGN(*name, fields.string_or(key, *name));
  }
  PARAPET_ASSIGN(columns.judged, read_judged(fields));
  return read_labels(fields, columns.labels);
}

Result<E2eTaskConfig> read_task(const E2eConfig& config, const std::string& where,
                                const YAML::Node& node, double rtol) {
  PARAPET_ASSIGN(const YamlFields fields,
                 YamlFields::open(config.file.string(), where, node, task_keys(config.model_type)));
  E2eTaskConfig task;
  PARAPET_ASSIGN(task.name, fields.string("name"));
  PARAPET_ASSIGN(task.source, fields.string_or("source", ""));
  PARAPET_ASSIGN(rtol, read_tolerance(fields, rtol));
  if (config.model_type == E2eModelType::kGuard) {
    PARAPET_TRY(read_dataset(fields, config, task));
  }
  PARAPET_ASSIGN(const auto metrics, fields.list("metrics"));
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    PARAPET_ASSIGN(
        E2eMetric metric,
        read_metric(config, where + ".metrics[" + std::to_string(i) + "]", metrics[i], rtol));
    task.metrics.push_back(std::move(metric));
  }
  return task;
}

}  // namespace

Result<E2eConfig> read_e2e_config(const std::filesystem::path& file) {
  PARAPET_ASSIGN(const std::string text, read_file(file, kMaxBytes));
  return parse_e2e_config(file, text);
}

Result<E2eConfig> parse_e2e_config(const std::filesystem::path& file, const std::string& text) {
  PARAPET_ASSIGN(const YAML::Node root, parse_yaml(file.string(), text));
  PARAPET_ASSIGN(const YamlFields top, YamlFields::open(file.string(), "", root, top_keys()));
  E2eConfig config;
  config.file = file;
  PARAPET_ASSIGN(config.model_name, top.string("model_name"));
  PARAPET_ASSIGN(config.hardware, top.string_or("hardware", "not said"));
  PARAPET_ASSIGN(config.model_type, read_model_type(top));
  PARAPET_TRY(read_serve(top, config));
  PARAPET_TRY(read_environment(top, config));
  PARAPET_TRY(read_asking(top, config));
  if (config.model_type == E2eModelType::kGuard) {
    PARAPET_TRY(check_asking_of_guard(top, config));
  } else if (top.has("include_path")) {
    PARAPET_ASSIGN(const std::string path, top.string("include_path"));
    config.include_path = beside(file, path);
  }
  PARAPET_ASSIGN(const double rtol, read_tolerance(top, kRelativeTolerance));
  PARAPET_ASSIGN(const auto tasks, top.list("tasks"));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    PARAPET_ASSIGN(E2eTaskConfig task,
                   read_task(config, "tasks[" + std::to_string(i) + "]", tasks[i], rtol));
    config.tasks.push_back(std::move(task));
  }
  return config;
}

}  // namespace parapet
