// /v1/verdicts/stream: the assistant's text is appended as it is written, and judged every few
// tokens. Each judgement is of the whole conversation so far; what the one before it computed is in
// the prefix cache, so that the new text and the template's tail are all that is computed.
#include <map>
#include <mutex>
#include <utility>

#include "server/http/request_id.h"
#include "server/openai/messages.h"
#include "server/service/answers.h"
#include "server/verdicts/routes.h"
#include "server/verdicts/verdict_json.h"

namespace parapet::server {
namespace {

constexpr std::string_view kPath = "/v1/verdicts/stream/";
constexpr std::int64_t kMostTokens = 100000;  // between two verdicts
constexpr std::int64_t kDefaultEvery = 16;
constexpr const char* kNoVerdict = "null";

ApiError not_open() {
  return {404, "no such conversation is open; it may have been closed for want of appends",
          error_type(404), "id", "stream_not_found"};
}

}  // namespace

struct VerdictStreams::Stream {
  std::string id;
  Policy policy = Policy::kStrict;
  JudgeOptions options;
  std::int64_t every = kDefaultEvery;  // tokens between two verdicts

  std::mutex mutex;               // of all that follows
  Conversation conversation;      // the last message is the assistant's
  std::int64_t num_tokens = 0;    // of the assistant's text, as it was appended
  std::int64_t num_unjudged = 0;  // of them
  std::int64_t num_verdicts = 0;
  bool busy = false;  // a verdict is under way
  bool final = false;
  std::string last_verdict = kNoVerdict;  // JSON
  std::chrono::steady_clock::time_point used = std::chrono::steady_clock::now();

  JsonWriter state(std::string_view verdict) const {
    JsonWriter json;
    json.begin_object();
    json.field("id", id);
    json.field("object", "verdict.stream");
    json.field("every", every);
    json.field("tokens", num_tokens);
    json.field("unjudged_tokens", num_unjudged);
    json.field("final", final);
    json.key("verdict");
    json.json(verdict);
    json.end_object();
    return json;
  }
};

struct VerdictStreams::Impl {
  Service& service;
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> streams;

  std::shared_ptr<Stream> find(const Request& request) {
    const std::lock_guard lock(mutex);
    const auto found = streams.find(std::string_view(request.path).substr(kPath.size()));
    return found == streams.end() ? nullptr : found->second;
  }

  void forget(const std::string& id) {
    const std::lock_guard lock(mutex);
    streams.erase(id);
  }

  void judge(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<Stream>& stream,
             const Deadline& deadline);
};

VerdictStreams::VerdictStreams(Service& service) : impl_(new Impl{service, {}, {}}) {}
VerdictStreams::~VerdictStreams() = default;

void VerdictStreams::open(const std::shared_ptr<Exchange>& exchange) {
  Service& service = impl_->service;
  const auto body = parse_json(exchange->request().body);
  if (!body) return answer_error(*exchange, api_error(body.error()));
  if (!service.guard) {
    return answer_error(*exchange, {.message = "the model gives no verdicts: " + service.no_guard,
                                    .code = "no_guard"});
  }
  const auto stream = std::make_shared<Stream>();
  stream->id = "vstr-" + unique_id();
  stream->policy = service.options.policy;
  Fields fields(*body);
  std::string model;
  fields.read("model", model);
  if (const auto error = service.check_model(model)) return answer_error(*exchange, *error);
  stream->conversation = read_messages(fields, "messages", service.options.max_messages);
  read_policy(fields, stream->policy);
  fields.read("every", stream->every, 1, kMostTokens);
  fields.read("stop_after_label", stream->options.stop_after_label);
  fields.read("cache_salt", stream->options.cache_salt);
  if (fields.error()) return answer_error(*exchange, *fields.error());
  // Nobody else learns from timings what this conversation holds.
  if (stream->options.cache_salt.empty()) stream->options.cache_salt = stream->id;
  if (stream->conversation.back().role != "assistant")
    stream->conversation.push_back({"assistant", ""});
  {
    const std::lock_guard lock(impl_->mutex);
    if (static_cast<std::int64_t>(impl_->streams.size()) >= service.options.max_streams) {
      service.metrics.count_refusal("full");
      return answer_error(*exchange, {429, "as many conversations are open as this server holds",
                                      error_type(429), "", "overloaded", 1});
    }
    impl_->streams.emplace(stream->id, stream);
  }
  answer_json(*exchange, stream->state(kNoVerdict));
}

void VerdictStreams::append(const std::shared_ptr<Exchange>& exchange) {
  Service& service = impl_->service;
  const auto body = parse_json(exchange->request().body);
  if (!body) return answer_error(*exchange, api_error(body.error()));
  const auto stream = impl_->find(exchange->request());
  if (!stream) return answer_error(*exchange, not_open());
  Fields fields(*body);
  std::string text;
  bool final = false;
  std::int64_t deadline_ms = 0;
  fields.read("append", text);
  fields.read("final", final);
  fields.read("deadline_ms", deadline_ms, 1, std::numeric_limits<std::int64_t>::max());
  if (fields.error()) return answer_error(*exchange, *fields.error());
  const auto deadline = deadline_of(service, exchange->request(), deadline_ms);
  if (const auto* error = std::get_if<ApiError>(&deadline)) return answer_error(*exchange, *error);

  std::unique_lock lock(stream->mutex);
  if (stream->busy || stream->final) {
    return answer_error(*exchange, {409,
                                    stream->final ? "the conversation has had its final text"
                                                  : "wait for the answer to the last append",
                                    error_type(409), "", "conflict"});
  }
  std::string& so_far = stream->conversation.back().content;
  if (so_far.size() + text.size() > service.options.listener.limits.max_body_bytes) {
    return answer_error(*exchange, {413, "the conversation is longer than a request may be",
                                    error_type(413), "append", "too_long"});
  }
  so_far += text;
  stream->used = std::chrono::steady_clock::now();
  const auto appended = std::ssize(service.llm.tokenizer().encode_untrusted(text));
  stream->num_tokens += appended;
  stream->num_unjudged += appended;
  stream->final = final;
  if (stream->num_unjudged < stream->every && !final) {
    return answer_json(*exchange, stream->state(kNoVerdict));
  }
  stream->busy = true;
  lock.unlock();
  impl_->judge(exchange, stream, std::get<Deadline>(deadline));
}

void VerdictStreams::Impl::judge(const std::shared_ptr<Exchange>& exchange,
                                 const std::shared_ptr<Stream>& stream, const Deadline& deadline) {
  JudgeJob job;
  {
    const std::lock_guard lock(stream->mutex);
    job.id = stream->id + "-" + std::to_string(stream->num_verdicts++);
    job.items.emplace_back(stream->conversation);
  }
  job.options = stream->options;
  job.deadline = deadline;
  const auto fail = [exchange, stream](const ApiError& error) {
    {
      const std::lock_guard lock(stream->mutex);
      stream->busy = false;
      stream->final = false;  // it may be tried again
    }
    answer_error(*exchange, error);
  };
  job.on_failed = fail;
  job.on_done = [this, exchange, stream, fail](const std::vector<Judged>& judged) {
    if (judged.front().label == "Error" && !judged.front().verdict) {
      return fail(*judged.front().error);
    }
    const std::lock_guard lock(stream->mutex);
    stream->busy = false;
    stream->num_unjudged = 0;
    JsonWriter verdict;
    verdict.begin_object();
    write_verdict(verdict, judged.front(), stream->policy);
    verdict.end_object();
    stream->last_verdict = verdict.take();
    stream->used = std::chrono::steady_clock::now();
    if (stream->final) forget(stream->id);
    answer_json(*exchange, stream->state(stream->last_verdict));
  };
  server::judge(service, exchange, std::move(job));
}

void VerdictStreams::tell(const std::shared_ptr<Exchange>& exchange) {
  const auto stream = impl_->find(exchange->request());
  if (!stream) return answer_error(*exchange, not_open());
  const std::lock_guard lock(stream->mutex);
  answer_json(*exchange, stream->state(stream->last_verdict));
}

void VerdictStreams::close(const std::shared_ptr<Exchange>& exchange) {
  const auto stream = impl_->find(exchange->request());
  if (!stream) return answer_error(*exchange, not_open());
  impl_->forget(stream->id);
  answer_json(*exchange, {{"id", stream->id}, {"object", "verdict.stream"}, {"deleted", true}});
}

void VerdictStreams::tick() {
  const auto oldest = std::chrono::steady_clock::now() - impl_->service.options.stream_idle;
  const std::lock_guard lock(impl_->mutex);
  std::erase_if(impl_->streams, [&](const auto& entry) {
    const std::lock_guard stream_lock(entry.second->mutex);
    return !entry.second->busy && entry.second->used < oldest;
  });
}

}  // namespace parapet::server
