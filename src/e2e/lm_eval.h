// Tasks of lm-evaluation-harness, asked through a server.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/config.h"
#include "parapet/e2e.h"
#include "parapet/error.h"

namespace parapet {

struct LmEvalServer {
  std::string url;  // "http://host:8000"
  std::string model;
  std::string api_key;
};

// The command that runs all tasks of the configuration; its results come under `output`. With a
// chat template the harness asks for chats, and so cannot ask how likely a given answer is: it
// refuses such tasks then.
std::vector<std::string> lm_eval_command(const std::string& program, const E2eConfig& config,
                                         const LmEvalServer& server,
                                         const std::filesystem::path& output);

// A task's numbers in the harness's results. kNotFound: it has no such task or metric.
Result<E2eRow> read_lm_eval_row(std::string_view results_json, const std::string& task,
                                const E2eMetric& metric);

// Runs it. Nothing is downloaded: a task whose definition or data is not on this machine is
// kUnsupported, with what the harness says.
Result<std::vector<E2eRow>> run_lm_eval(const E2eOptions& options, const E2eConfig& config,
                                        const LmEvalServer& server, std::string& command);

// This program, serving the configuration's model on a free port until it is gone.
class OwnServer {
 public:
  static Result<OwnServer> start(const E2eOptions& options, const E2eConfig& config,
                                 const std::filesystem::path& model);
  const LmEvalServer& server() const { return server_; }
  OwnServer(OwnServer&&) noexcept;
  OwnServer& operator=(OwnServer&&) = delete;
  ~OwnServer();

 private:
  struct Running;
  explicit OwnServer(std::unique_ptr<Running> running);

  std::unique_ptr<Running> running_;
  LmEvalServer server_;
};

}  // namespace parapet
