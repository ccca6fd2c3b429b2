#include "precision/server_side.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/json.h"

namespace parapet {
namespace {

constexpr const char* kCompletions = "/v1/completions";
constexpr std::size_t kPromptsAtOnce = 16;
// Of all prompts in one request; an answer of so many is some tens of MB.
constexpr std::size_t kLogprobsAtOnce = std::size_t{1} << 20;
// Limits that servers have, the largest first; the whole vocabulary is tried before them.
constexpr std::array<std::int64_t, 9> kUsualLimits = {1024, 512, 256, 100, 50, 20, 10, 5, 1};

// The first model of {"data": [{"id": ..., "owned_by": ...}]}.
struct ServedModel {
  std::string id;
  std::string owned_by;
};

Result<ServedModel> read_models(const std::string& url, const std::string& body) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(url, body));
  PARAPET_ASSIGN(const JsonObject answer, document.object());
  PARAPET_ASSIGN(const JsonArray data, answer.array("data"));
  if (data.size() == 0) return Error{ErrorCode::kNotFound, url + ": the server has no model"};
  PARAPET_ASSIGN(const JsonObject model, JsonObject::open(url + ": data", data.at(0).value()));
  PARAPET_ASSIGN(const std::string_view id, model.string("id"));
  PARAPET_ASSIGN(const std::string_view owner, model.string_or("owned_by", ""));
  return ServedModel{std::string(id), std::string(owner)};
}

// "0.11.0" of {"version": "0.11.0"}, or under another key; "" where a server tells none.
std::string read_version(const std::string& body, const char* key) {
  const auto document = JsonDocument::parse("version", body);
  if (!document) return "";
  const auto answer = document->object();
  if (!answer) return "";
  const auto version = answer->string(key);
  return version ? std::string(*version) : "";
}

std::vector<std::vector<TokenId>> prompts_of(std::span<const ForcedSequence> sequences) {
  std::vector<std::vector<TokenId>> prompts;
  for (const ForcedSequence& sequence : sequences) {
    for (const std::int64_t position : sequence.positions) {
      prompts.emplace_back(sequence.ids.begin(), sequence.ids.begin() + position + 1);
    }
  }
  return prompts;
}

}  // namespace

Result<std::unique_ptr<Side>> ServerSide::open(ServerSideOptions options) {
  HttpClientOptions http;
  http.url = options.url;
  http.api_key = options.api_key;
  http.timeout = options.timeout;
  PARAPET_ASSIGN(HttpClient client, HttpClient::create(std::move(http)));
  std::unique_ptr<ServerSide> side(new ServerSide(std::move(client), std::move(options)));
  PARAPET_TRY(side->introduce());
  return std::unique_ptr<Side>(std::move(side));
}

Status ServerSide::introduce() {
  const auto ask = [&](const char* path) -> Result<std::string> {
    PARAPET_ASSIGN(HttpResponse response, client_.get(path));
    return body_of(std::move(response), client_.url_of(path));
  };
  PARAPET_ASSIGN(const std::string models, ask("/v1/models"));
  PARAPET_ASSIGN(const ServedModel model, read_models(client_.url_of("/v1/models"), models));
  description_.spec = options_.url;
  description_.kind = "server";
  description_.served_model = model.id;
  description_.device = model.owned_by;
  is_llama_cpp_ = model.owned_by == "llamacpp";
  if (const auto told = ask(is_llama_cpp_ ? "/props" : "/version")) {
    description_.version = read_version(*told, is_llama_cpp_ ? "build_info" : "version");
  }
  return {};
}

Result<std::vector<CompletionTokens>> ServerSide::complete(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens,
    std::int64_t top_logprobs) {
  nlohmann::json request = {{"model", description_.served_model},
                            {"prompt", nlohmann::json::array()},
                            {"max_tokens", max_tokens},
                            {"temperature", 0},
                            {"logprobs", top_logprobs}};
  for (const auto& prompt : prompts) request["prompt"].push_back(prompt);
  // Each is what one kind of server needs, and what others may refuse.
  if (is_llama_cpp_) {
    request["n_probs"] = top_logprobs;
  } else {
    request["return_tokens_as_token_ids"] = true;
  }
  const std::string url = client_.url_of(kCompletions);
  PARAPET_ASSIGN(HttpResponse response, client_.post_json(kCompletions, request.dump()));
  PARAPET_ASSIGN(const std::string body, body_of(std::move(response), url));
  return read_completions(url, body, prompts.size());
}

Result<std::int64_t> ServerSide::find_top_logprobs(const std::vector<TokenId>& prompt) {
  if (options_.top_logprobs > 0) return options_.top_logprobs;
  std::vector<std::int64_t> tries = {options_.vocab_size};
  for (const std::int64_t limit : kUsualLimits) {
    if (limit < options_.vocab_size) tries.push_back(limit);
  }
  for (const std::int64_t top : tries) {
    const auto answer = complete(std::span(&prompt, 1), 1, top);
    if (answer) return top;
    if (answer.error().code != ErrorCode::kInvalidArgument || top == tries.back()) {
      return answer.error();
    }
  }
  return Error{ErrorCode::kInternal, "no limit was tried"};
}

Result<std::vector<std::vector<TokenId>>> ServerSide::answers(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens) {
  std::vector<std::vector<TokenId>> answers;
  for (std::size_t begin = 0; begin < prompts.size(); begin += kPromptsAtOnce) {
    const auto chunk = prompts.subspan(begin, std::min(kPromptsAtOnce, prompts.size() - begin));
    PARAPET_ASSIGN(auto completions, complete(chunk, max_tokens, 1));
    for (CompletionTokens& completion : completions) {
      auto& ids = completion.ids;
      const auto end = std::ranges::find_first_of(ids, options_.end_tokens);
      ids.erase(end, ids.end());
      answers.push_back(std::move(ids));
    }
  }
  return answers;
}

Result<std::vector<SideRows>> ServerSide::rows(std::span<const ForcedSequence> sequences) {
  const std::vector<std::vector<TokenId>> prompts = prompts_of(sequences);
  if (prompts.empty()) return std::vector<SideRows>(sequences.size());
  if (found_top_ == 0) {
    PARAPET_ASSIGN(found_top_, find_top_logprobs(prompts.front()));
  }
  const std::size_t at_once = std::clamp<std::size_t>(
      kLogprobsAtOnce / static_cast<std::size_t>(found_top_), 1, kPromptsAtOnce);
  std::vector<TokenLogprobs> told;
  for (std::size_t begin = 0; begin < prompts.size(); begin += at_once) {
    const auto chunk = std::span(prompts).subspan(begin, std::min(at_once, prompts.size() - begin));
    PARAPET_ASSIGN(auto completions, complete(chunk, 1, found_top_));
    for (CompletionTokens& completion : completions) {
      if (completion.told.empty()) {
        return Error{ErrorCode::kUnsupported,
                     client_.url_of(kCompletions) + ": wrote no token where one was asked for"};
      }
      told.push_back(std::move(completion.told.front()));
    }
  }
  std::vector<SideRows> all;
  auto next = told.begin();
  for (const ForcedSequence& sequence : sequences) {
    const auto end = next + std::ssize(sequence.positions);
    all.emplace_back().told.assign(std::make_move_iterator(next), std::make_move_iterator(end));
    next = end;
  }
  return all;
}

}  // namespace parapet
