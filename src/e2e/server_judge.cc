#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "api/boundary.h"
#include "base/check.h"
#include "base/json.h"
#include "e2e/judges.h"
#include "guard/taxonomy.h"
#include "guard/verdict_parser.h"

namespace parapet {
namespace {

constexpr std::int64_t kVerdictsAtOnce = 64;
constexpr std::int64_t kMostVerdicts = 1024;  // that Parapet's server takes by default
constexpr std::int64_t kChatsAtOnce = 8;
constexpr std::int64_t kMostChats = 256;
constexpr int kAnswerTokens = 128;  // all nine categories take fewer
constexpr int kNotFound = 404;

nlohmann::json messages_of(const Conversation& conversation) {
  auto messages = nlohmann::json::array();
  for (const Message& message : conversation) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return messages;
}

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<Safety> safety_of(std::string_view word) {
  for (const Safety safety : kAllSafety) {
    if (word == to_string(safety)) return safety;
  }
  return std::nullopt;
}

GuardAnswer no_verdict(std::string problem) {
  return {.safety = {}, .categories = {}, .refusal = {}, .problem = std::move(problem)};
}

// One of "verdicts". A safety that is no label means that there is none, and so does null.
Result<GuardAnswer> read_verdict_json(const JsonObject& item) {
  PARAPET_ASSIGN(const std::string_view safety, item.string_or("safety", ""));
  GuardAnswer answer{.safety = safety_of(safety), .categories = {}, .refusal = {}, .problem = {}};
  if (!answer.safety) {
    std::string_view why = "the server gave no verdict";
    if (item.find("error")) {
      PARAPET_ASSIGN(const JsonObject error, item.object("error"));
      PARAPET_ASSIGN(why, error.string_or("message", why));
    }
    answer.problem = why;
    return answer;
  }
  PARAPET_ASSIGN(const JsonArray categories, item.array("categories"));
  for (const JsonElement category : categories) {
    std::string_view name;
    if (category.get(name) == simdjson::SUCCESS) answer.categories.emplace_back(name);
  }
  PARAPET_ASSIGN(const std::string_view refusal, item.string_or("refusal", ""));
  if (!refusal.empty()) answer.refusal = refusal == kRefusalYes;
  return answer;
}

GuardMode mode_of(const Conversation& conversation) {
  const bool is_response = !conversation.empty() && conversation.back().role == "assistant";
  return is_response ? GuardMode::kResponse : GuardMode::kPrompt;
}

// What the model wrote, as a verdict.
GuardAnswer read_text(std::string_view text, GuardMode mode) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  auto verdict = parse_verdict(text, mode);
  if (!verdict) return no_verdict(verdict.error().message);
  return {.safety = verdict->safety,
          .categories = std::move(verdict->categories),
          .refusal = verdict->refusal,
          .problem = {}};
}

Result<std::string> chat_text(const std::string& url, std::string_view body) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(url, body));
  PARAPET_ASSIGN(const JsonObject root, document.object());
  PARAPET_ASSIGN(const JsonArray choices, root.array("choices"));
  for (const JsonElement choice : choices) {
    PARAPET_ASSIGN(const JsonObject first, JsonObject::open(url + ": choices", choice));
    PARAPET_ASSIGN(const JsonObject message, first.object("message"));
    PARAPET_ASSIGN(const std::string_view content, message.string_or("content", ""));
    return std::string(content);
  }
  return Error{ErrorCode::kCorrupt, url + ": choices is empty"};
}

// A request of one conversation. That a server refuses it (too long) is an answer.
Result<GuardAnswer> ask_chat(HttpClient& client, const std::string& model,
                             const Conversation& conversation) {
  constexpr const char* kRoute = "/v1/chat/completions";
  const nlohmann::json request = {{"model", model},
                                  {"messages", messages_of(conversation)},
                                  {"temperature", 0},
                                  {"max_tokens", kAnswerTokens}};
  PARAPET_ASSIGN(HttpResponse response, client.post_json(kRoute, dump(request)));
  const bool refused = response.status == 400;
  auto body = body_of(std::move(response), client.url_of(kRoute));
  if (!body) return refused ? Result(no_verdict(body.error().message)) : body.error();
  PARAPET_ASSIGN(const std::string text, chat_text(client.url_of(kRoute), *body));
  return read_text(text, mode_of(conversation));
}

// The first of "data": what the server calls its model.
Result<std::string> served_model(HttpClient& client) {
  constexpr const char* kRoute = "/v1/models";
  PARAPET_ASSIGN(HttpResponse response, client.get(kRoute));
  PARAPET_ASSIGN(const std::string body, body_of(std::move(response), client.url_of(kRoute)));
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(client.url_of(kRoute), body));
  PARAPET_ASSIGN(const JsonObject root, document.object());
  PARAPET_ASSIGN(const JsonArray models, root.array("data"));
  for (const JsonElement element : models) {
    PARAPET_ASSIGN(const JsonObject model, JsonObject::open(client.url_of(kRoute), element));
    PARAPET_ASSIGN(const std::string_view id, model.string("id"));
    return std::string(id);
  }
  return Error{ErrorCode::kIo, client.url_of(kRoute) + " serves no model"};
}

// "0.1.0", where the server tells.
std::string server_version(HttpClient& client) {
  auto response = client.get("/version");
  if (!response || !response->ok()) return "";
  const auto document = JsonDocument::parse("/version", response->body);
  if (!document) return "";
  const auto root = document->object();
  if (!root) return "";
  const auto version = root->string("version");
  return version ? std::string(*version) : "";
}

// Conversations that threads take one after the other.
class ChatPool {
 public:
  ChatPool(const HttpClientOptions& server, const std::string& model,
           std::span<const Conversation> conversations)
      : server_(server), model_(model), conversations_(conversations) {
    answers_.resize(conversations.size());
  }

  Result<std::vector<GuardAnswer>> run(std::int64_t at_once, const JudgedSoFar& on_progress) {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < at_once; ++i) threads.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    for (std::size_t told = 0; told < answers_.size() && !failure_; told = done_) {
      changed_.wait(lock, [&] { return done_ > told || failure_; });
      on_progress(done_);
    }
    lock.unlock();
    threads.clear();  // waits for them
    if (failure_) return *failure_;
    return std::move(answers_);
  }

 private:
  // Has a connection of its own. The first failure ends all threads.
  void work() {
    const Status status = guarded([this]() -> Status {
      PARAPET_ASSIGN(HttpClient client, HttpClient::create(server_));
      for (std::size_t i = next_++; i < conversations_.size(); i = next_++) {
        PARAPET_ASSIGN(answers_[i], ask_chat(client, model_, conversations_[i]));
        const std::lock_guard lock(mutex_);
        ++done_;
        changed_.notify_one();
      }
      return {};
    });
    if (status) return;
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = status.error();
    next_ = conversations_.size();
    changed_.notify_one();
  }

  const HttpClientOptions& server_;
  const std::string& model_;
  std::span<const Conversation> conversations_;
  std::vector<GuardAnswer> answers_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t done_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

ServerJudge::ServerJudge(HttpClientOptions server, HttpClient client, std::int64_t batch_size)
    : server_(std::move(server)), client_(std::move(client)), batch_size_(batch_size) {}

Result<std::unique_ptr<ServerJudge>> ServerJudge::connect(const HttpClientOptions& server,
                                                          std::int64_t batch_size) {
  PARAPET_ASSIGN(HttpClient client, HttpClient::create(server));
  std::unique_ptr<ServerJudge> judge(new ServerJudge(server, std::move(client), batch_size));
  PARAPET_ASSIGN(judge->model_, served_model(judge->client_));
  judge->version_ = server_version(judge->client_);
  PARAPET_TRY(judge->learn_routes());
  return judge;
}

// An empty request is wrong where the route is there.
Status ServerJudge::learn_routes() {
  PARAPET_ASSIGN(const HttpResponse response, client_.post_json("/v1/verdicts", "{}"));
  has_verdicts_ = response.status != kNotFound;
  return {};
}

Result<std::vector<GuardAnswer>> ServerJudge::judge(std::span<const Conversation> conversations,
                                                    const JudgedSoFar& on_progress) {
  return has_verdicts_ ? by_verdicts(conversations, on_progress)
                       : by_chat(conversations, on_progress);
}

Result<std::vector<GuardAnswer>> ServerJudge::by_verdicts(
    std::span<const Conversation> conversations, const JudgedSoFar& on_progress) {
  constexpr const char* kRoute = "/v1/verdicts";
  const auto batch_size = static_cast<std::size_t>(
      batch_size_ == 0 ? kVerdictsAtOnce : std::min(batch_size_, kMostVerdicts));
  std::vector<GuardAnswer> answers;
  while (answers.size() < conversations.size()) {
    const auto rest = conversations.subspan(answers.size());
    const auto batch = rest.first(std::min(rest.size(), batch_size));
    nlohmann::json request = {{"conversations", nlohmann::json::array()}};
    for (const Conversation& each : batch) request["conversations"].push_back(messages_of(each));
    PARAPET_ASSIGN(HttpResponse response, client_.post_json(kRoute, dump(request)));
    PARAPET_ASSIGN(const std::string body, body_of(std::move(response), client_.url_of(kRoute)));
    PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(client_.url_of(kRoute), body));
    PARAPET_ASSIGN(const JsonObject root, document.object());
    PARAPET_ASSIGN(const JsonArray verdicts, root.array("verdicts"));
    if (verdicts.size() != batch.size()) {
      return root.error(ErrorCode::kCorrupt, "verdicts", "are not as many as was asked for");
    }
    for (const JsonElement element : verdicts) {
      PARAPET_ASSIGN(const JsonObject item,
                     JsonObject::open(client_.url_of(kRoute) + ": verdicts", element));
      PARAPET_ASSIGN(GuardAnswer answer, read_verdict_json(item));
      answers.push_back(std::move(answer));
    }
    on_progress(answers.size());
  }
  return answers;
}

Result<std::vector<GuardAnswer>> ServerJudge::by_chat(std::span<const Conversation> conversations,
                                                      const JudgedSoFar& on_progress) const {
  const std::int64_t at_once = std::min(batch_size_ == 0 ? kChatsAtOnce : batch_size_, kMostChats);
  return ChatPool(server_, model_, conversations).run(at_once, on_progress);
}

}  // namespace parapet
