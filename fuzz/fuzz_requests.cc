// Any request to any route that reads one: "METHOD TARGET", header lines, an empty line, a body. It
// is read and rendered with the bundled model, and refused before the engine would see it, as while
// a server drains. One answer comes, in JSON, and none of them is a fault of ours.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "server/http/request_id.h"
#include "server/http/router.h"
#include "server/http/url.h"
#include "server/openai/routes.h"
#include "server/service/service.h"
#include "server/service/side_doors.h"
#include "server/verdicts/routes.h"

namespace parapet::server {
namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

class FuzzExchange final : public Exchange {
 public:
  using Exchange::Exchange;

  std::optional<Response> answer;

  void respond(Response response) override {
    expect(!answer);
    answer = std::move(response);
  }
  void start_stream(Response head) override { respond(std::move(head)); }
  void send(std::string) override {}
  void finish_stream() override {}
  void post(std::function<void()> work) override { work(); }
  void on_gone(std::function<void()>) override {}
  void at_deadline(std::chrono::steady_clock::time_point, std::function<void()>) override {}
};

constexpr std::string_view kStreams = "/v1/verdicts/stream";
constexpr std::string_view kSomeStream = "/v1/verdicts/stream/ID";

class Target {
 public:
  static Target& only() {
    static Target target;
    return target;
  }

  void ask(Request request) {
    VerdictStreams streams(service_);
    streams_ = &streams;
    if (request.path == kSomeStream) request.path = open_stream();
    (void)keys_.admit(request.header("authorization"));
    check(answer_to(std::move(request)));
  }

 private:
  Target()
      : log_(LogFormat::kText, LogLevel::kError),
        service_(options(), load(), log_, /*sink=*/nullptr),
        keys_(*ApiKeys::read({"key"})),
        router_(ApiKeys(), Cors({.allowed_origins = {"https://a.example"}}), error_body,
                [](const std::function<void()>& job) { job(); }) {
    service_.draining = true;
    add("POST", "/v1/chat/completions", answer_chat);
    add("POST", "/v1/completions", answer_completions);
    add("POST", "/v1/moderations", answer_moderations);
    add("POST", "/v1/verdicts", answer_verdicts);
    add("POST", "/tokenize", answer_tokenize);
    add("POST", "/detokenize", answer_detokenize);
    add("GET", "/v1/models/*", answer_models);
    add_stream("POST", "/v1/verdicts/stream", &VerdictStreams::open);
    add_stream("POST", "/v1/verdicts/stream/*", &VerdictStreams::append);
    add_stream("GET", "/v1/verdicts/stream/*", &VerdictStreams::tell);
    add_stream("DELETE", "/v1/verdicts/stream/*", &VerdictStreams::close);
  }

  static ServerOptions options() {
    ServerOptions options;
    options.model_names = {"guard"};
    return options;
  }

  static LLM load() {
    ModelOptions model;
    model.model = PARAPET_FUZZ_MODEL;
    auto llm = LLM::load(model);
    expect(llm.ok());
    return std::move(*llm);
  }

  static std::string error_body(int status, const std::string& message) {
    return error_json({.status = status, .message = message, .type = error_type(status)});
  }

  void add(const char* method, const char* path,
           void (*answer)(Service&, const std::shared_ptr<Exchange>&)) {
    router_.add({method, path, [this, answer](const std::shared_ptr<Exchange>& exchange) {
                   answer(service_, exchange);
                 }});
  }

  void add_stream(const char* method, const char* path,
                  void (VerdictStreams::*answer)(const std::shared_ptr<Exchange>&)) {
    router_.add({method, path, [this, answer](const std::shared_ptr<Exchange>& exchange) {
                   (streams_->*answer)(exchange);
                 }});
  }

  std::string open_stream() {
    Request request;
    request.method = "POST";
    request.path = kStreams;
    request.body = R"({"messages": [{"role": "user", "content": "x"}], "every": 2})";
    const auto state = parse_json(answer_to(std::move(request)).body);
    expect(state.ok());
    return std::string(kStreams) + "/" + state->at("id").get<std::string>();
  }

  Response answer_to(Request request) {
    const auto exchange = std::make_shared<FuzzExchange>(std::move(request));
    router_.handle(exchange);
    expect(exchange->answer.has_value());
    return std::move(*exchange->answer);
  }

  static void check(const Response& response) {
    expect(response.status < 500 || response.status == 503);
    for (const auto& [name, value] : response.headers) {
      expect(value.find_first_of("\r\n") == std::string::npos);
    }
    if (response.status == 204) return;
    const auto json = parse_json(response.body);
    expect(json.ok());
    if (response.status == 200) return;
    const auto& message = json->at("error").at("message").get_ref<const std::string&>();
    expect(!message.empty() && message.find('\n') == std::string::npos);
  }

  Log log_;
  Service service_;
  ApiKeys keys_;
  Router router_;
  VerdictStreams* streams_ = nullptr;  // of the request at hand: they do not see those before it
};

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

std::optional<Request> request_of(std::string_view text) {
  Request request;
  std::string_view first = take_line(text);
  request.method = first.substr(0, first.find(' '));
  first.remove_prefix(std::min(request.method.size() + 1, first.size()));
  auto path = percent_decoded(first.substr(0, first.find('?')));
  if (!path) return std::nullopt;
  request.path = std::move(*path);
  if (const auto mark = first.find('?'); mark != std::string_view::npos) {
    request.query = first.substr(mark + 1);
    (void)query_parameters(request.query);
  }
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(": "), line.size());
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers.emplace_back(std::move(name), line.substr(std::min(colon + 2, line.size())));
  }
  request.body = text;
  request.id = request_id(request.header("x-request-id"));
  request.arrived = std::chrono::steady_clock::now();
  return request;
}

}  // namespace
}  // namespace parapet::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto request = parapet::server::request_of({reinterpret_cast<const char*>(data), size});
  if (request) parapet::server::Target::only().ask(std::move(*request));
  return 0;
}
