#include "precision/completion_logprobs.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/quote.h"
#include "checkpoint/config.h"

namespace parapet {
namespace {

Error unsupported(const std::string& where, const std::string& what) {
  return {ErrorCode::kUnsupported, where + ": " + what};
}

// What servers write for a token that is as good as impossible, and less, tells nothing of it.
// Parapet and vLLM stop at -9999. llama.cpp takes the logarithm of a float32 probability, which
// loses its digits below the smallest normal number, and is the lowest float where that is zero.
constexpr double kLeastOfLists = -9999;
constexpr double kLeastOfLlamaCpp = -87.3;

Status add(const std::string& where, std::int64_t id, double logprob, double least,
           TokenLogprobs& told) {
  if (id < 0 || id >= kMaxVocabSize) {
    return Error{ErrorCode::kCorrupt, where + ": token id " + std::to_string(id)};
  }
  if (logprob <= least) return {};
  told.ids.push_back(static_cast<TokenId>(id));
  told.logprobs.push_back(static_cast<float>(logprob));
  return {};
}

Status check_distinct(const std::string& where, const TokenLogprobs& told) {
  std::vector<TokenId> ids = told.ids;
  std::ranges::sort(ids);
  if (std::ranges::adjacent_find(ids) == ids.end()) return {};
  return Error{ErrorCode::kCorrupt, where + ": a token is told twice at one position"};
}

// "token_id:5"
Result<TokenId> id_of(const std::string& where, std::string_view token) {
  constexpr std::string_view kPrefix = "token_id:";
  TokenId id = 0;
  const bool named = token.starts_with(kPrefix);
  const std::string_view digits = named ? token.substr(kPrefix.size()) : "";
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (!named || digits.empty() || read.ptr != digits.data() + digits.size()) {
    return unsupported(where, "names a token " + quote(token) +
                                  ", not by its id: the server does not know "
                                  "return_tokens_as_token_ids");
  }
  return id;
}

Result<TokenLogprobs> read_position(const std::string& where, JsonElement element) {
  JsonObject::Fields likely;
  if (element.get(likely) != simdjson::SUCCESS) {
    return Error{ErrorCode::kCorrupt, where + ": top_logprobs: expected objects"};
  }
  TokenLogprobs told;
  for (const auto& [token, value] : likely) {
    PARAPET_ASSIGN(const TokenId id, id_of(where, token));
    double logprob = 0;
    if (value.get(logprob) != simdjson::SUCCESS) {
      return Error{ErrorCode::kCorrupt, where + ": top_logprobs: expected numbers"};
    }
    PARAPET_TRY(add(where, id, logprob, kLeastOfLists, told));
  }
  return told;
}

// OpenAI's legacy form.
Result<CompletionTokens> read_lists(const JsonObject& logprobs) {
  const std::string& where = logprobs.where();
  CompletionTokens tokens;
  PARAPET_ASSIGN(const JsonArray names, logprobs.array("tokens"));
  for (const JsonElement element : names) {
    std::string_view name;
    if (element.get(name) != simdjson::SUCCESS) {
      return Error{ErrorCode::kCorrupt, where + ": tokens: expected strings"};
    }
    PARAPET_ASSIGN(const TokenId id, id_of(where, name));
    tokens.ids.push_back(id);
  }
  PARAPET_ASSIGN(const JsonArray positions, logprobs.array("top_logprobs"));
  for (const JsonElement element : positions) {
    PARAPET_ASSIGN(TokenLogprobs told, read_position(where, element));
    PARAPET_TRY(check_distinct(where, told));
    tokens.told.push_back(std::move(told));
  }
  return tokens;
}

// llama.cpp's.
Result<CompletionTokens> read_content(const std::string& where, JsonArray content) {
  CompletionTokens tokens;
  for (const JsonElement element : content) {
    PARAPET_ASSIGN(const JsonObject token, JsonObject::open(where + ": content", element));
    PARAPET_ASSIGN(const std::int64_t id, token.integer("id"));
    tokens.ids.push_back(static_cast<TokenId>(id));
    PARAPET_ASSIGN(const JsonArray likely, token.array("top_logprobs"));
    TokenLogprobs told;
    for (const JsonElement each : likely) {
      PARAPET_ASSIGN(const JsonObject one, JsonObject::open(where + ": top_logprobs", each));
      PARAPET_ASSIGN(const std::int64_t its_id, one.integer("id"));
      PARAPET_ASSIGN(const double logprob, one.number("logprob"));
      PARAPET_TRY(add(where, its_id, logprob, kLeastOfLlamaCpp, told));
    }
    PARAPET_TRY(check_distinct(where, told));
    tokens.told.push_back(std::move(told));
  }
  return tokens;
}

Result<CompletionTokens> read_choice(const JsonObject& choice) {
  if (!choice.find("logprobs")) {
    return unsupported(choice.where(), "the server gives no log-probabilities");
  }
  PARAPET_ASSIGN(const JsonObject logprobs, choice.object("logprobs"));
  CompletionTokens tokens;
  if (logprobs.find("content")) {
    PARAPET_ASSIGN(const JsonArray content, logprobs.array("content"));
    PARAPET_ASSIGN(tokens, read_content(logprobs.where(), content));
  } else {
    PARAPET_ASSIGN(tokens, read_lists(logprobs));
  }
  if (tokens.told.size() == tokens.ids.size()) return tokens;
  return Error{ErrorCode::kCorrupt, logprobs.where() + ": lists of different lengths"};
}

}  // namespace

Result<std::vector<CompletionTokens>> read_completions(const std::string& url,
                                                       std::string_view body,
                                                       std::size_t num_prompts) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(url, body));
  PARAPET_ASSIGN(const JsonObject answer, document.object());
  PARAPET_ASSIGN(const JsonArray choices, answer.array("choices"));
  std::vector<std::optional<CompletionTokens>> by_index(num_prompts);
  for (const JsonElement element : choices) {
    PARAPET_ASSIGN(const JsonObject choice, JsonObject::open(url + ": choices", element));
    PARAPET_ASSIGN(const std::int64_t index, choice.integer("index"));
    if (index < 0 || index >= std::ssize(by_index)) {
      return Error{ErrorCode::kCorrupt, url + ": a choice has the index " + std::to_string(index)};
    }
    PARAPET_ASSIGN(by_index[static_cast<std::size_t>(index)], read_choice(choice));
  }
  std::vector<CompletionTokens> all;
  for (auto& each : by_index) {
    if (!each) return Error{ErrorCode::kCorrupt, url + ": a prompt has no choice"};
    all.push_back(*std::move(each));
  }
  return all;
}

}  // namespace parapet
