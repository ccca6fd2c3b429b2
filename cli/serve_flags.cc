#include "serve_flags.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "model_flags.h"
#include "sampling_defaults.h"
#include "vllm_flags.h"

namespace parapet::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Flags under one heading of --help.
class Section {
 public:
  Section(CLI::App& command, const char* heading) : command_(command), heading_(heading) {}

  template <class Value>
  CLI::Option* value(const char* name, Value& value, const char* help) {
    return command_.add_option(name, value, help)->group(heading_)->capture_default_str();
  }
  CLI::Option* flag(const char* name, bool& flag, const char* help) {
    return command_.add_flag(name, flag, help)->group(heading_);
  }
  CLI::Option* texts(const char* name, std::vector<std::string>& texts, const char* help) {
    return command_.add_option(name, texts, help)->group(heading_)->type_name("TEXT ...");
  }
  // A count of `Unit`, at least `least`.
  template <class Unit>
  void duration(const char* name, Unit& value, std::int64_t least, const char* help) {
    command_
        .add_option_function<std::int64_t>(
            name, [&value](std::int64_t count) { value = Unit(count); }, help)
        ->check(CLI::Range(least, std::int64_t{1} << 40))
        ->group(heading_)
        ->default_str(std::to_string(value.count()));
  }
  template <class Choice>
  void choice(const char* name, Choice& value, std::map<std::string, Choice> choices,
              const char* unset, const char* help) {
    command_.add_option(name, value, help)
        ->transform(CLI::CheckedTransformer(std::move(choices)))
        ->group(heading_)
        ->default_str(unset);
  }

 private:
  CLI::App& command_;
  const char* heading_;
};

// CLI11 itself takes "[a, b]" apart, and leaves JSON's quotes in place.
std::vector<std::string> unquoted(std::vector<std::string> words) {
  for (std::string& word : words) {
    const std::size_t begin = word.find_first_not_of(" \"");
    const std::size_t end = word.find_last_not_of(" \"");
    word = begin == std::string::npos ? "" : word.substr(begin, end - begin + 1);
  }
  return words;
}

// '["a", "b"]' as vLLM takes it, or the words themselves.
std::vector<std::string> expand_list(const std::vector<std::string>& words) {
  if (words.size() != 1 || !words.front().starts_with('[')) return unquoted(words);
  const auto list = nlohmann::json::parse(words.front(), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) throw CLI::ValidationError("'" + words.front() + "' is no JSON list");
  std::vector<std::string> expanded;
  for (const auto& each : list) {
    if (!each.is_string())
      throw CLI::ValidationError("'" + words.front() + "' is no list of strings");
    expanded.push_back(each.get<std::string>());
  }
  return expanded;
}

void add_list(CLI::App& command, const char* heading, const char* name,
              std::vector<std::string>& list, const char* help) {
  command
      .add_option_function<std::vector<std::string>>(
          name, [&list](const std::vector<std::string>& words) { list = expand_list(words); }, help)
      ->group(heading)
      ->type_name("TEXT ...");
}

void add_model(CLI::App& command, ServeOptions& options) {
  Section section(command, "Model");
  options.model.model = default_model();
  section
      .value("MODEL,-m,--model", options.model.model, "Checkpoint folder, as the model hub has it")
      ->default_str("the bundled parapet-guard-tiny, or $PARAPET_MODEL");
  section.texts("--served-model-name", options.server.model_names,
                "Names that requests may call the model by; the first stands in answers (the "
                "folder as it was given)");
  section
      .value("--dtype", options.dtype,
             "'auto', or the dtype that the checkpoint has: weights are served as stored")
      ->check(CLI::IsMember({"auto", "bfloat16", "float16", "half", "float32", "float"}));
  section.value(
      "--generation-config", options.generation_config,
      "Where sampling defaults come from: 'auto', the checkpoint's generation_config.json "
      "if it asks for sampling; 'vllm', none; or a folder that has such a file");
  section.flag("--plain-decoding", options.server.sampling.plain_decoding,
               "Chat and text completions: write a guard's answers token by token instead of "
               "checking drafts of them; the text is the same");
  section.value("--override-generation-config", options.override_generation_config,
                "Sampling defaults, as JSON: '{\"temperature\": 0.2}'");
  section.value("--default-chat-template-kwargs", options.server.chat_template_kwargs,
                "Variables of the chat template, as JSON");
  add_template_tokens(command, options.model.template_tokens);
  command.get_option("--template-tokens")->group("Model");
}

void add_engine(CLI::App& command, ServeOptions& options) {
  const auto before = command.get_options();
  add_engine_flags(command, options.model);
  for (CLI::Option* option : command.get_options()) {
    if (std::ranges::find(before, option) == before.end()) option->group("Engine");
  }
  Section section(command, "Engine");
  section.value("--seed", options.server.sampling.seed,
                "Seed of requests that name none (0), so that runs repeat");
  section
      .value("--max-logprobs", options.server.max_logprobs,
             "Most likely tokens that a request may ask for; -1: the whole vocabulary")
      ->check(CLI::Range(-1, std::numeric_limits<int>::max()))
      ->type_name("INT");
  command
      .add_option_function<std::string>(
          "--scheduling-policy",
          [&options](const std::string& policy) {
            options.server.priority_scheduling = policy == "priority";
          },
          "'fcfs', or 'priority': requests may name one, smaller is served first")
      ->check(CLI::IsMember({"fcfs", "priority"}))
      ->group("Engine")
      ->default_str("fcfs");
}

void add_http(CLI::App& command, server::ServerOptions& options) {
  Section section(command, "HTTP");
  section.value("--host", options.listener.host, "Address to listen on");
  section.value("--port", options.listener.port, "Port to listen on; 0: any that is free")
      ->check(CLI::Range(0, 65535));
  section.value("--uds", options.listener.uds, "Path of a Unix socket, instead of host and port");
  section.value("--root-path", options.listener.root_path,
                "What a proxy in front leaves before every path");
  section
      .value("--io-threads", options.listener.num_threads,
             "Threads that read and write, whatever the number of connections")
      ->check(CLI::Range(1, 256));
  section
      .value("--workers", options.listener.num_workers,
             "Threads for long bodies and for the audit log")
      ->check(CLI::Range(1, 256));
  section.value("--response-role", options.response_role, "Role of chat answers");
}

void add_access(CLI::App& command, ServeOptions& options) {
  constexpr const char* kHeading = "Who may come in";
  Section section(command, kHeading);
  section.texts("--api-key", options.server.api_keys,
                "Keys that open every route but /health and /ping; as such, or 'sha256:' and the "
                "digest in hexadecimal. Also $VLLM_API_KEY");
  section.value("--api-key-file", options.api_key_file, "The same from a file, one a line");
  add_list(command, kHeading, "--allowed-origins", options.server.cors.allowed_origins,
           "Origins whose pages may call from a browser (none)");
  add_list(command, kHeading, "--allowed-methods", options.server.cors.allowed_methods,
           "With which methods (all)");
  add_list(command, kHeading, "--allowed-headers", options.server.cors.allowed_headers,
           "With which headers (all)");
  section.flag("--allow-credentials", options.server.cors.allow_credentials,
               "And with cookies and the like");
}

void add_limits(CLI::App& command, server::ServerOptions& options) {
  Section section(command, "Limits");
  server::HttpLimits& http = options.listener.limits;
  section
      .value("--max-waiting", options.max_waiting,
             "Requests that may wait behind those that run; more are refused with 429")
      ->check(CLI::NonNegativeNumber);
  section.choice("--on-overload", options.on_overload,
                 std::map<std::string, server::OnOverload>{{"refuse", server::OnOverload::kRefuse},
                                                           {"flag", server::OnOverload::kFlag}},
                 "refuse",
                 "Verdicts that cannot be had in time: 'refuse' with 429 or 408; 'flag' answers "
                 "with the verdict Unavailable, which is blocked");
  section.duration("--deadline-ms", options.default_deadline, 0,
                   "Deadline of requests that name none, in milliseconds; 0: none");
  section.value("--max-batch", options.max_batch, "Prompts or conversations in one request")
      ->check(CLI::PositiveNumber);
  section.value("--max-messages", options.max_messages, "Messages in one conversation")
      ->check(CLI::PositiveNumber);
  section.value("--max-streams", options.max_streams, "Conversations open at /v1/verdicts/stream")
      ->check(CLI::NonNegativeNumber);
  section.duration("--stream-idle", options.stream_idle, 1,
                   "Seconds until one that nobody appends to is closed");
  section.value("--max-connections", http.max_connections, "Open connections; more are closed");
  section.value("--max-body-bytes", http.max_body_bytes, "Longest body of a request");
  section.value("--max-bodies-bytes", http.max_bodies_bytes, "Bodies of all requests together");
  section
      .value("--max-header-bytes,--h11-max-incomplete-event-size", http.max_header_bytes,
             "Longest headers of a request")
      ->check(CLI::Range(1024, 1 << 20));
  section.duration("--timeout-keep-alive-ms", http.keep_alive, 1,
                   "Until a connection without a request is closed");
  section.duration("--timeout-header-ms", http.header_timeout, 1,
                   "For the headers of a request to come");
  section.duration("--timeout-body-ms", http.body_timeout, 1, "For the body of a request to come");
  section.duration("--timeout-write-ms", http.write_timeout, 1,
                   "For the client to take what was written");
  section.duration("--drain-timeout", options.drain_timeout, 0,
                   "Seconds after SIGTERM for what is under way");
}

void add_verdicts(CLI::App& command, server::ServerOptions& options) {
  Section section(command, "Verdicts");
  section.choice(
      "--policy", options.policy,
      std::map<std::string, Policy>{{"strict", Policy::kStrict}, {"loose", Policy::kLoose}},
      "strict",
      "What Controversial counts as in `flagged` and `blocked`: 'strict' blocks it, "
      "'loose' lets it pass");
}

void add_precision(CLI::App& command, ServeOptions& options) {
  Section section(command, "Precision");
  section.flag("--precision-check", options.precision_check,
               "Before serving, compare six prompts' logits with float32, and do not serve what "
               "misses a threshold; loads the model twice more");
  section
      .value("--precision-min-cosine", options.precision.min_cosine,
             "Least cosine similarity of its rows")
      ->check(CLI::Range(0.0, 1.0));
  section
      .value("--precision-min-agreement", options.precision.min_token_agreement_pct,
             "Rows whose most likely token must be the same, in percent")
      ->check(CLI::Range(0.0, 100.0));
  section.value("--precision-max-kl", options.precision.max_kl_divergence, "Largest KL divergence")
      ->check(CLI::NonNegativeNumber);
}

void add_log(CLI::App& command, ServeOptions& options) {
  Section section(command, "Log");
  section.choice("--log-format", options.log_format,
                 std::map<std::string, server::LogFormat>{{"text", server::LogFormat::kText},
                                                          {"json", server::LogFormat::kJson}},
                 "text", "'text', or 'json': one object a line");
  section.choice("--log-level,--uvicorn-log-level", options.log_level,
                 std::map<std::string, server::LogLevel>{{"debug", server::LogLevel::kDebug},
                                                         {"trace", server::LogLevel::kDebug},
                                                         {"info", server::LogLevel::kInfo},
                                                         {"warning", server::LogLevel::kWarning},
                                                         {"error", server::LogLevel::kError},
                                                         {"critical", server::LogLevel::kError}},
                 "info", "'debug', 'info', 'warning' or 'error'");
  section.flag("--enable-log-requests,!--disable-log-requests,!--no-enable-log-requests",
               options.server.log_requests,
               "A line for each request: all about it but what it says");
  section.flag("!--disable-log-stats", options.server.log_stats,
               "No line of statistics every 10 s");
  section.flag("--enable-prompt-tokens-details", options.server.prompt_tokens_details,
               "Tell in `usage` how much of the prompt was cached");
}

std::optional<std::string> read_key_file(const std::string& path, std::vector<std::string>& keys) {
  std::ifstream file(path);
  if (!file) return "api-key-file '" + path + "' cannot be read";
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) keys.push_back(line);
  }
  return std::nullopt;
}

}  // namespace

void add_serve_flags(CLI::App& command, ServeOptions& options) {
  add_model(command, options);
  add_engine(command, options);
  add_http(command, options.server);
  add_access(command, options);
  add_limits(command, options.server);
  add_verdicts(command, options.server);
  add_audit_flags(command, options.audit);
  add_precision(command, options);
  add_log(command, options);
  add_vllm_flags(command, options.accepted);
}

Status finish(ServeOptions& options) {
  server::ServerOptions& server = options.server;
  server.template_tokens = options.model.template_tokens;
  if (server.model_names.empty()) server.model_names = {options.model.model.string()};
  if (const char* key = std::getenv("VLLM_API_KEY"); key != nullptr && *key != '\0') {
    server.api_keys.emplace_back(key);
  }
  if (!options.api_key_file.empty()) {
    if (const auto problem = read_key_file(options.api_key_file, server.api_keys)) {
      return Error{ErrorCode::kIo, *problem};
    }
  }
  if (!server.chat_template_kwargs.empty() &&
      !nlohmann::json::parse(server.chat_template_kwargs, nullptr, false).is_object()) {
    return Error{ErrorCode::kInvalidArgument, "default-chat-template-kwargs is no JSON object"};
  }
  if (auto status = check_dtype(options.dtype, options.model.model); !status) return status;
  return read_sampling_defaults(options.model.model, options.generation_config,
                                options.override_generation_config, server.sampling);
}

}  // namespace parapet::cli
