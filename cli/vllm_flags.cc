#include "vllm_flags.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace parapet::cli {
namespace {

constexpr const char* kHeading = "Taken as vLLM has them, without effect here";
constexpr const char* kHidden = "";  // of --help

struct Accepted {
  const char* flag;
  bool takes_value;
  const char* why;
};
constexpr auto kAccepted = std::to_array<Accepted>({
    {"--trust-remote-code", false, "no code of a checkpoint is ever run"},
    {"--swap-space", true, "the KV cache is not swapped; vLLM removed it too"},
    {"--enable-chunked-prefill", false, "long prompts are always prefilled in chunks"},
    {"--async-scheduling", false, "the engine has a thread of its own"},
    {"--no-async-scheduling", false, "the engine has a thread of its own"},
    {"--prefix-caching-hash-algo", true, "prefixes are compared, not only hashed"},
    {"--distributed-executor-backend", true, "one process runs all"},
    {"--max-parallel-loading-workers", true, "weights are mapped, not copied"},
    {"--compilation-config", true, "graphs are captured for every size; see --enforce-eager"},
    {"-O", true, "graphs are captured for every size; see --enforce-eager"},
    {"--additional-config", true, "it speaks to other devices"},
    {"--limit-mm-per-prompt", true, "prompts are text"},
    {"--disable-frontend-multiprocessing", false, "one process runs all"},
    {"--api-server-count", true, "see --io-threads"},
    {"--disable-uvicorn-access-log", false, "see --enable-log-requests"},
    {"--disable-access-log-for-endpoints", true, "see --enable-log-requests"},
    {"--enable-request-id-headers", false, "answers always carry X-Request-Id"},
    {"--enable-server-load-tracking", false, "/load always tells"},
    {"--enable-force-include-usage", false, "ask with stream_options.include_usage"},
    {"--disable-fastapi-docs", false, "see /openapi.json"},
    {"--download-dir", true, "nothing is downloaded"},
    {"--revision", true, "a folder has one revision"},
    {"--tokenizer-revision", true, "a folder has one revision"},
    {"--code-revision", true, "no code of a checkpoint is ever run"},
    {"--max-seq-len-to-capture", true, "graphs do not depend on lengths"},
    {"--max-num-partial-prefills", true, "the scheduler decides"},
    {"--disable-sliding-window", false, "the model has none"},
    {"--disable-cascade-attn", false, "results do not depend on it"},
    {"--cuda-graph-sizes", true, "graphs are captured for every size"},
    {"--max-log-len", true, "prompts are not logged"},
    {"--otlp-traces-endpoint", true, "no traces are sent; see /metrics"},
});

// Flags of which one value, or a few, mean what is done anyway.
struct Limited {
  const char* flag;
  std::vector<std::string> values;
  const char* why;  // the others are refused
};
const std::vector<Limited>& limited_flags() {
  static const std::vector<Limited> kLimited = {
      {"-tp,--tensor-parallel-size", {"1"}, "the model runs on one device"},
      {"-pp,--pipeline-parallel-size", {"1"}, "the model runs on one device"},
      {"-dp,--data-parallel-size", {"1"}, "start one server for each copy"},
      {"--runner", {"auto", "generate"}, "the model generates"},
      {"--task", {"auto", "generate"}, "the model generates"},
      {"--tokenizer-mode", {"auto", "hf"}, "the tokenizer is the checkpoint's"},
      {"--config-format", {"auto", "hf"}, "checkpoints are Hugging Face's"},
      {"--logprobs-mode", {"raw_logprobs"}, "logprobs are those of the model's own logits"},
      {"--cpu-offload-gb", {"0"}, "weights stay in memory"},
      {"--chat-template-content-format", {"auto", "string"}, "messages are text"},
      {"--guided-decoding-backend", {"auto"}, "choices and regexes are built in"},
      {"--structured-outputs-config.backend", {"auto"}, "choices and regexes are built in"},
      {"--model-impl", {"auto"}, "there is one"},
  };
  return kLimited;
}

struct Refused {
  const char* flag;
  const char* why;
};
constexpr auto kRefused = std::to_array<Refused>({
    {"--enable-lora", "adapters are not loaded"},
    {"--lora-modules", "adapters are not loaded"},
    {"--speculative-config", "the guard drafts its own answers"},
    {"--chat-template", "the checkpoint's template is the guard's policy; edit its folder"},
    {"--trust-request-chat-template", "the checkpoint's template is the guard's policy"},
    {"--tokenizer", "the tokenizer is the checkpoint's"},
    {"--hf-config-path", "the configuration is the checkpoint's"},
    {"--hf-overrides", "the configuration is the checkpoint's"},
    {"--rope-scaling", "the configuration is the checkpoint's"},
    {"--rope-theta", "the configuration is the checkpoint's"},
    {"--enable-auto-tool-choice", "a guard model calls no tools"},
    {"--tool-call-parser", "a guard model calls no tools"},
    {"--reasoning-parser", "a guard model does not think aloud"},
    {"--kv-transfer-config", "the KV cache stays in this process"},
    {"--enable-log-outputs", "texts of users and answers are never logged"},
    {"--no-enable-chunked-prefill", "long prompts are always prefilled in chunks"},
    {"--ssl-keyfile", "put a proxy that speaks TLS in front"},
    {"--ssl-certfile", "put a proxy that speaks TLS in front"},
    {"--ssl-ca-certs", "put a proxy that speaks TLS in front"},
    {"--middleware", "no code is loaded"},
    {"--enable-sleep-mode", "the model stays loaded"},
    {"--headless", "there is one process"},
    {"--logits-processors", "no code is loaded"},
    {"--logits-processor-pattern", "no code is loaded"},
});

// CLI11 takes one letter behind one dash; vLLM also takes -tp.
std::string without_short(const char* flag) {
  const std::string_view names(flag);
  return std::string(
      names.substr(names.rfind(',') == std::string_view::npos ? 0 : names.rfind(',') + 1));
}

}  // namespace

void add_vllm_flags(CLI::App& command, std::vector<std::string>& accepted) {
  for (const Accepted& each : kAccepted) {
    const auto note = [&accepted, each] {
      accepted.push_back(std::string(each.flag) + " changes nothing: " + each.why);
    };
    CLI::Option* option = each.takes_value
                              ? command.add_option_function<std::string>(
                                    each.flag, [note](const std::string&) { note(); }, each.why)
                              : command.add_flag_callback(each.flag, note, each.why);
    option->group(kHeading);
  }
  for (const Limited& each : limited_flags()) {
    const std::string name = without_short(each.flag);
    command
        .add_option_function<std::string>(
            name,
            [&accepted, each, name](const std::string& value) {
              if (std::ranges::find(each.values, value) == each.values.end()) {
                throw CLI::ValidationError(name + " " + value + " cannot be honoured: " + each.why);
              }
              accepted.push_back(name + " " + value + " changes nothing: " + each.why);
            },
            each.why)
        ->group(kHeading);
  }
  for (const Refused& each : kRefused) {
    command
        .add_option_function<std::vector<std::string>>(
            each.flag,
            [each](const std::vector<std::string>&) {
              throw CLI::ValidationError(std::string(each.flag) +
                                         " cannot be honoured: " + each.why);
            },
            each.why)
        ->expected(0, -1)
        ->group(kHidden);
  }
}

}  // namespace parapet::cli
