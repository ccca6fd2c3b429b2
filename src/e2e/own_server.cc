#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "base/check.h"
#include "e2e/child_process.h"
#include "e2e/lm_eval.h"
#include "e2e/temporary_folder.h"
#include "e2e/waiting.h"

namespace parapet {
namespace {

// What the start-up log says once requests are taken, and where.
constexpr std::string_view kReady = "startup complete";
constexpr std::string_view kAddress = "API server on http://127.0.0.1:";

std::vector<std::string> serve_command(const E2eOptions& options, const E2eConfig& config,
                                       const std::filesystem::path& model) {
  const ModelOptions& engine = config.engine;
  std::vector<std::string> command = {options.program.string(),
                                      "serve",
                                      model.string(),
                                      "--host=127.0.0.1",
                                      "--port=0",
                                      "--dtype=" + config.dtype,
                                      "--load-format=" + engine.load_format,
                                      "--kv-cache-dtype=" + engine.kv_cache_dtype,
                                      "--device=" + engine.device,
                                      "--threads=" + std::to_string(engine.num_threads)};
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"--max-model-len=", engine.max_model_len},
      {"--block-size=", engine.block_size},
      {"--max-num-seqs=", engine.max_num_seqs},
      {"--max-num-batched-tokens=", engine.max_num_batched_tokens}};
  for (const auto& [flag, size] : sizes) command.push_back(flag + std::to_string(size));
  command.push_back("--memory-utilization=" + std::to_string(engine.memory_utilization));
  if (!engine.quantization.empty()) command.push_back("--quantization=" + engine.quantization);
  if (!engine.enable_prefix_caching) command.emplace_back("--no-enable-prefix-caching");
  if (engine.enforce_eager) command.emplace_back("--enforce-eager");
  return command;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

// The folder is removed after the process has ended.
struct OwnServer::Running {
  TemporaryFolder folder;
  ChildProcess process;
};

OwnServer::OwnServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
OwnServer::OwnServer(OwnServer&&) noexcept = default;
OwnServer::~OwnServer() = default;

Result<OwnServer> OwnServer::start(const E2eOptions& options, const E2eConfig& config,
                                   const std::filesystem::path& model) {
  PARAPET_ASSIGN(TemporaryFolder folder, TemporaryFolder::create());
  const std::filesystem::path log = folder.path() / "server.log";
  PARAPET_ASSIGN(ChildProcess process,
                 ChildProcess::start({.command = serve_command(options, config, model),
                                      .environment = config.environment,
                                      .output = log}));
  OwnServer own(std::unique_ptr<Running>(new Running{std::move(folder), std::move(process)}));
  for (;;) {
    const bool ended = own.running_->process.exit_status().has_value();
    const std::string text = content_of(log);
    const std::size_t address = text.find(kAddress);
    if (text.find(kReady) != std::string::npos && address != std::string::npos) {
      const std::size_t port = address + kAddress.size();
      const std::size_t end = text.find_first_not_of("0123456789", port);
      own.server_ = {.url = "http://127.0.0.1:" + text.substr(port, end - port),
                     .model = model.string(),
                     .api_key = ""};
      return own;
    }
    if (ended) {
      return Error{ErrorCode::kUnsupported, "the server did not start: " + last_line(log)};
    }
    if (options.on_progress) options.on_progress("starting the server", 0, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace parapet
