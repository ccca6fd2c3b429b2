#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/processor.h"
#include "base/quote.h"
#include "e2e/config.h"
#include "e2e/dataset.h"
#include "e2e/judges.h"
#include "e2e/lm_eval.h"
#include "parapet/e2e.h"
#include "parapet/model_card.h"

namespace parapet {
namespace {

namespace fs = std::filesystem;

// `envs` of a configuration, until it has been run.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
      const char* before = std::getenv(name.c_str());
      before_[name] = before == nullptr ? std::nullopt : std::optional<std::string>(before);
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;
  ~ScopedEnvironment() {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

bool is_checkpoint(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "config.json", ignored);
}

// docs/e2e.md says where a model is looked for.
Result<fs::path> find_model(const E2eOptions& options, const E2eConfig& config) {
  if (!options.model.empty()) return options.model;
  const fs::path name = config.model_name;
  std::vector<fs::path> candidates;
  if (!options.models_dir.empty()) {
    candidates = {options.models_dir / name, options.models_dir / name.filename()};
  }
  candidates.push_back(name);
  if (name.filename() == options.bundled_model.filename()) {
    candidates.push_back(options.bundled_model);
  }
  for (const fs::path& candidate : candidates) {
    if (is_checkpoint(candidate)) return candidate;
  }
  return Error{ErrorCode::kNotFound,
               config.file.string() + ": model_name: " + quote(config.model_name) +
                   " is no checkpoint folder here; name it with --model or --models-dir, or a "
                   "server with --server"};
}

// Weights are served as stored: another dtype than theirs would be another model.
Status check_dtype(const E2eConfig& config, const fs::path& model) {
  if (config.dtype == "auto") return {};
  std::string wanted = config.dtype == "half" ? "float16" : config.dtype;
  if (wanted == "float") wanted = "float32";
  PARAPET_ASSIGN(const ModelCard card, inspect(model));
  if (card.dtype == wanted) return {};
  return Error{ErrorCode::kUnsupported, config.file.string() + ": serve.dtype: " + config.dtype +
                                            ", but the checkpoint has " + card.dtype +
                                            ", and weights are served as stored"};
}

Status apply(const E2eOptions& options, E2eConfig& config) {
  if (options.tensor_parallel_size > 0) config.tensor_parallel_size = options.tensor_parallel_size;
  if (options.limit > 0) config.limit = static_cast<double>(options.limit);
  if (!options.device.empty()) config.engine.device = options.device;
  config.engine.num_threads = options.num_threads;
  config.engine.on_progress = options.on_progress;
  if (options.server.empty() && config.tensor_parallel_size != 1) {
    return Error{ErrorCode::kUnsupported, config.file.string() + ": tensor_parallel_size is " +
                                              std::to_string(config.tensor_parallel_size) +
                                              ", expected 1: the model runs on one device"};
  }
  if (!options.server.empty() && !config.environment.empty()) {
    return Error{ErrorCode::kUnsupported,
                 config.file.string() +
                     ": envs: a server that runs already does not take them; start it with them "
                     "and leave them out here"};
  }
  return {};
}

class E2eRun {
 public:
  E2eRun(const E2eOptions& options, const E2eConfig& config) : options_(options), config_(config) {
    report_.model_name = config.model_name;
    report_.model_type = config.model_type == E2eModelType::kGuard ? "vllm-guard" : "vllm";
    report_.hardware = config.hardware;
    report_.version = version();
    report_.command = options.command;
    report_.parallel_mode = "TP" + std::to_string(config.tensor_parallel_size);
    report_.execution_mode = !options.server.empty()       ? "the server's"
                             : config.engine.enforce_eager ? "Eager"
                                                           : "Graph";
  }

  Result<E2eReport> run() {
    const ScopedEnvironment environment(config_.environment);
    if (options_.server.empty()) report_.processor = processor_name();
    PARAPET_TRY(config_.model_type == E2eModelType::kText ? run_tasks()
                : options_.server.empty()                 ? judge_here()
                                                          : judge_by_server());
    return std::move(report_);
  }

 private:
  HttpClientOptions server_options() const {
    return {.url = options_.server, .api_key = options_.api_key};
  }

  Status judge_here() {
    PARAPET_ASSIGN(const fs::path model, find_model(options_, config_));
    PARAPET_TRY(check_dtype(config_, model));
    // A dataset that is wrong is told before minutes of loading.
    PARAPET_ASSIGN(const auto datasets, read_datasets());
    ModelOptions engine = config_.engine;
    engine.model = model;
    PARAPET_ASSIGN(Guard guard, Guard::load(engine));
    report_.model = model.string();
    report_.engine = guard.info();
    return judge(*judge_of(guard, config_.batch_size), datasets);
  }

  Status judge_by_server() {
    PARAPET_ASSIGN(const auto datasets, read_datasets());
    PARAPET_ASSIGN(const auto server, ServerJudge::connect(server_options(), config_.batch_size));
    report_.model = server->model() + " at " + options_.server;
    report_.server_version = server->version();
    return judge(*server, datasets);
  }

  Result<std::vector<Dataset>> read_datasets() const {
    std::vector<Dataset> datasets;
    for (const E2eTaskConfig& task : config_.tasks) {
      PARAPET_ASSIGN(Dataset dataset, read_dataset(task.dataset, task.columns, config_.limit));
      datasets.push_back(std::move(dataset));
    }
    return datasets;
  }

  Status judge(Judge& judge, const std::vector<Dataset>& datasets) {
    const Stopwatch watch;
    for (std::size_t i = 0; i < datasets.size(); ++i) {
      const Dataset& dataset = datasets[i];
      const std::string what = "judging " + config_.tasks[i].name;
      const auto tell = [&](std::size_t done) {
        if (options_.on_progress) options_.on_progress(what, done, dataset.labels.size());
      };
      PARAPET_ASSIGN(const auto answers, judge.judge(dataset.conversations, tell));
      add_task(config_.tasks[i], dataset, answers);
    }
    report_.seconds = watch.milliseconds() / 1000;
    return {};
  }

  void add_task(const E2eTaskConfig& config, const Dataset& dataset,
                const std::vector<GuardAnswer>& answers) {
    constexpr std::size_t kNone = 3;
    E2eTask& task = report_.tasks.emplace_back();
    task.name = config.name;
    task.dataset = config.dataset;
    task.source = config.source;
    task.count = std::ssize(answers);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto& told = answers[i].safety;
      ++task.confusion[static_cast<std::size_t>(dataset.labels[i].safety)]
                      [told ? static_cast<std::size_t>(*told) : kNone];
      if (!told && task.first_problem.empty()) task.first_problem = answers[i].problem;
    }
    for (const E2eMetric& metric : config.metrics) {
      const Counts counts = count_answers(metric.of_guard, dataset.labels, answers);
      const Score its = score(metric.of_guard.measure, counts);
      E2eRow& row = report_.rows.emplace_back();
      row.task = config.name;
      row.metric = metric.name;
      row.value = its.value;
      row.standard_error = its.standard_error;
      row.count = its.count;
      row.expected = metric.expected;
      row.rtol = metric.rtol;
      row.passed = its.value && within_bound(*its.value, row.bound(), row.higher_is_better);
    }
  }

  Status run_tasks() {
    LmEvalServer server{.url = options_.server, .model = {}, .api_key = options_.api_key};
    std::optional<OwnServer> own;
    if (options_.server.empty()) {
      PARAPET_ASSIGN(const fs::path model, find_model(options_, config_));
      PARAPET_ASSIGN(OwnServer started, OwnServer::start(options_, config_, model));
      own.emplace(std::move(started));
      server = own->server();
      report_.model = model.string();
    } else {
      PARAPET_ASSIGN(const auto there, ServerJudge::connect(server_options(), 0));
      server.model = there->model();
      report_.model = server.model + " at " + options_.server;
      report_.server_version = there->version();
    }
    const Stopwatch watch;
    PARAPET_ASSIGN(report_.rows, run_lm_eval(options_, config_, server, report_.lm_eval_command));
    report_.seconds = watch.milliseconds() / 1000;
    for (const E2eTaskConfig& config : config_.tasks) {
      E2eTask& task = report_.tasks.emplace_back();
      task.name = config.name;
      task.source = config.source;
    }
    return {};
  }

  const E2eOptions& options_;
  const E2eConfig& config_;
  E2eReport report_;
};

}  // namespace

Result<E2eReport> run_e2e(const E2eOptions& options) {
  return guarded([&]() -> Result<E2eReport> {
    PARAPET_ASSIGN(E2eConfig config, read_e2e_config(options.config));
    PARAPET_TRY(apply(options, config));
    return E2eRun(options, config).run();
  });
}

}  // namespace parapet
