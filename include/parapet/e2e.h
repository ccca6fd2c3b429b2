// End-to-end accuracy: a configuration in vLLM-Ascend's format, run against a model, and what it
// reached beside what it should. The command's, as bench.h is; docs/e2e.md has the format.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct E2eOptions {
  std::filesystem::path config;  // the YAML file

  // Where the model is. A server is asked over HTTP, "http://host:8000"; without one the model is
  // loaded from `model`, else from the folder that model_name means: in models_dir, by its whole
  // name or the last part of it; or as a path; or, by its name, the bundled one.
  std::string server;
  std::string api_key;
  std::filesystem::path model;
  std::filesystem::path models_dir;
  std::filesystem::path bundled_model;

  // In the place of what the configuration says; empty or 0: as it says.
  std::int64_t tensor_parallel_size = 0;
  std::int64_t limit = 0;
  std::string device;
  int num_threads = 0;

  // Of model_type vllm: lm-evaluation-harness, found in PATH; and this program, which then serves.
  std::string lm_eval = "lm_eval";
  std::filesystem::path program;

  std::string command;           // as the report tells it
  ProgressCallback on_progress;  // may be empty
};

// A metric of a task: what was measured, and what the configuration expects.
struct E2eRow {
  std::string task;
  std::string metric;
  std::optional<double> value;           // empty where the dataset leaves it undefined
  std::optional<double> standard_error;  // empty where that is unknown
  std::int64_t count = 0;                // conversations that it is of; 0: unknown
  double expected = 0;
  double rtol = 0;
  bool higher_is_better = true;
  // The worst value that passes: expected less (where lower is better, plus) rtol times it.
  double bound() const { return expected * (higher_is_better ? 1 - rtol : 1 + rtol); }
  bool passed = false;  // no worse than the bound, in four decimals; a better one always passes
};

// The labels of a task's conversations against those that the model gave.
struct E2eTask {
  std::string name;
  std::filesystem::path dataset;  // empty for lm-evaluation-harness
  std::string source;             // where its expected values come from, as the configuration says
  std::int64_t count = 0;         // conversations; 0: unknown
  // [true label][told label]: Safe, Controversial, Unsafe; told also none.
  std::array<std::array<std::int64_t, 4>, 3> confusion = {};
  std::string first_problem;  // why the first conversation without a verdict has none
};

struct E2eReport {
  std::string model_name;
  std::string model_type;
  std::string hardware;  // as the configuration says
  std::string model;     // folder or server, and the name that it serves
  std::string version;   // of this program
  std::string server_version;
  std::string processor;             // of this machine; empty where a server was asked
  std::optional<EngineInfo> engine;  // likewise
  std::string parallel_mode;         // "TP1"
  std::string execution_mode;        // "Eager" or "Graph"; "the server's" where one was asked
  std::string command;
  std::string lm_eval_command;  // of model_type vllm
  double seconds = 0;           // without loading the model
  std::vector<E2eTask> tasks;
  std::vector<E2eRow> rows;

  bool passed() const;  // every row did
};

// kInvalidArgument: the configuration or a dataset, with file, line and key. kUnsupported: what
// cannot be run here, and why. kNotFound: a file, or lm-evaluation-harness. Else as Guard::load(),
// and kIo where a server does not answer.
Result<E2eReport> run_e2e(const E2eOptions& options);

// The accuracy report: versions, hardware, modes, command, a table of the rows.
std::string e2e_markdown(const E2eReport& report);
std::string e2e_json(const E2eReport& report);  // one object, on one line
// "models/Qwen3Guard-Gen-4B" is "Qwen3Guard-Gen-4B": what its report's file is called.
std::string e2e_report_name(const E2eReport& report);

}  // namespace parapet
