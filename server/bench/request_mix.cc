#include "server/bench/request_mix.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "server/json/json.h"

namespace parapet::server {
namespace {

constexpr std::array<const char*, kNumRequestKinds> kNames = {"verdicts", "chat", "moderations",
                                                              "health"};
constexpr std::array<const char*, kNumRequestKinds> kPaths = {
    "/v1/verdicts", "/v1/chat/completions", "/v1/moderations", "/health"};
// Plain words of one or two tokens each.
constexpr std::array kWords = {
    "how",  "do",     "I",     "make",   "a",     "good",  "cake",   "with",  "milk", "and",
    "eggs", "for",    "my",    "friend", "who",   "likes", "rain",   "in",    "the",  "spring",
    "what", "is",     "best",  "way",    "to",    "learn", "music",  "when",  "you",  "are",
    "old",  "please", "write", "poem",   "about", "river", "garden", "train", "book", "winter"};
constexpr int kAnswerTokens = 32;

Error wrong_mix(std::string_view word) {
  return Error{ErrorCode::kInvalidArgument,
               "mix: '" + std::string(word) +
                   "'; expected verdicts, chat, moderations or health, each perhaps with =SHARE"};
}

}  // namespace

const char* to_string(RequestKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Result<KindShares> parse_mix(std::string_view text) {
  KindShares shares = {};
  double total = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::string_view name = word.substr(0, word.find('='));
    double share = 1;
    if (name.size() != word.size()) {
      const char* const end = word.data() + word.size();
      const auto read = std::from_chars(word.data() + name.size() + 1, end, share);
      if (read.ec != std::errc() || read.ptr != end) return wrong_mix(word);
    }
    const auto kind = std::ranges::find(kNames, name);
    if (kind == kNames.end() || !(share >= 0 && share <= 1e9)) return wrong_mix(word);
    shares[static_cast<std::size_t>(kind - kNames.begin())] += share;
    total += share;
  }
  if (total == 0) return wrong_mix(text);
  return shares;
}

RequestMix::RequestMix(const MixOptions& options, ServerUrl url, std::string api_key,
                       std::string model)
    : options_(options),
      url_(std::move(url)),
      api_key_(std::move(api_key)),
      model_(to_text(Json(std::move(model)))),
      kinds_(options.shares.begin(), options.shares.end()) {}

RequestMix::Asked RequestMix::next(std::chrono::milliseconds deadline) {
  const auto kind = static_cast<RequestKind>(kinds_(random_));
  return {kind, make(kind, kind == RequestKind::kHealth ? "" : text(), deadline)};
}

std::string RequestMix::text() {
  const auto most = static_cast<std::size_t>(options_.texts);
  if (most > 0 && texts_.size() == most) return texts_[random_() % most];
  std::string text;
  for (std::int64_t i = 0; i < options_.words; ++i) {
    if (i > 0) text += ' ';
    text += kWords[random_() % kWords.size()];
  }
  if (most > 0) texts_.push_back(text);
  return text;
}

std::shared_ptr<const std::string> RequestMix::make(RequestKind kind, std::string_view text,
                                                    std::chrono::milliseconds deadline) const {
  // No word of ours has a letter that JSON would escape.
  std::string body;
  switch (kind) {
    case RequestKind::kVerdicts:
      body = fmt::format(R"({{"model":{},"prompt":"{}"}})", model_, text);
      break;
    case RequestKind::kChat:
      body = fmt::format(
          R"({{"model":{},"messages":[{{"role":"user","content":"{}"}}],"max_tokens":{},"temperature":0}})",
          model_, text, kAnswerTokens);
      break;
    case RequestKind::kModerations:
      body = fmt::format(R"({{"model":{},"input":"{}"}})", model_, text);
      break;
    case RequestKind::kHealth: break;
  }
  const char* method = kind == RequestKind::kHealth ? "GET" : "POST";
  return std::make_shared<const std::string>(
      message(method, kPaths[static_cast<std::size_t>(kind)], body, deadline));
}

std::shared_ptr<const std::string> RequestMix::get(std::string_view path) const {
  return std::make_shared<const std::string>(message("GET", path, "", {}));
}

std::string RequestMix::message(std::string_view method, std::string_view path,
                                std::string_view body, std::chrono::milliseconds deadline) const {
  std::string text =
      fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", method, url_.prefix, path, url_.host);
  const auto out = std::back_inserter(text);
  if (!api_key_.empty()) fmt::format_to(out, "Authorization: Bearer {}\r\n", api_key_);
  if (deadline.count() > 0) fmt::format_to(out, "X-Deadline-Ms: {}\r\n", deadline.count());
  if (!body.empty()) {
    fmt::format_to(out, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  text += "\r\n";
  return text += body;
}

}  // namespace parapet::server
