#include "server/openai/logprobs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

namespace parapet::server {
namespace {

// JSON has no minus infinity: what cannot come is told as vLLM tells it.
constexpr float kLeast = -9999.0F;

float finite(float logprob) { return std::isfinite(logprob) ? std::max(logprob, kLeast) : kLeast; }

Json bytes_of(const std::string& text) {
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json chat_entry(const Logprob& each, const TokenNames& names) {
  return {{"token", names(each.token_id)},
          {"logprob", finite(each.logprob)},
          {"bytes", bytes_of(names.tokenizer.decode({each.token_id}))}};
}

// Characters, as clients count them.
std::int64_t num_characters(const std::string& text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

// A position is the chosen token and then the likely ones, among which it may stand again.
std::span<const Logprob> likely_of(const std::vector<Logprob>& position, std::int64_t top) {
  const std::span<const Logprob> likely = std::span(position).subspan(1);
  return top < 0 ? likely : likely.first(std::min(likely.size(), static_cast<std::size_t>(top)));
}

// Keys that may come again, of which the last value holds. An ordered object looks through all of
// its keys to find one, which a whole vocabulary of them has no time for.
class ObjectWriter {
 public:
  void put(std::string key, Json value) {
    const auto [at, added] = index_.try_emplace(key, entries_.size());
    if (added) {
      entries_.emplace_back(std::move(key), std::move(value));
    } else {
      std::next(entries_.begin(), static_cast<std::ptrdiff_t>(at->second))->second =
          std::move(value);
    }
  }
  Json take() && { return Json(std::move(entries_)); }

 private:
  Json::object_t entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

std::string TokenNames::operator()(TokenId id) const {
  return as_ids ? "token_id:" + std::to_string(id) : tokenizer.decode({id});
}

std::vector<std::vector<Logprob>> with_token_ids(const std::vector<std::vector<Logprob>>& positions,
                                                 const std::vector<std::vector<float>>& told,
                                                 const std::vector<TokenId>& logprob_token_ids) {
  std::vector<std::vector<Logprob>> all;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const Logprob& chosen = positions[i].at(0);
    std::vector<Logprob>& position = all.emplace_back(2, chosen);
    for (std::size_t k = 0; k < logprob_token_ids.size(); ++k) {
      if (logprob_token_ids[k] == chosen.token_id) continue;
      position.push_back({logprob_token_ids[k], told.at(i).at(k), /*rank=*/0});
    }
  }
  return all;
}

Json chat_logprobs(const std::vector<std::vector<Logprob>>& positions, std::int64_t top,
                   const TokenNames& names) {
  Json content = Json::array();
  for (const auto& position : positions) {
    if (position.empty()) continue;
    Json entry = chat_entry(position.front(), names);
    entry["top_logprobs"] = Json::array();
    for (const Logprob& each : likely_of(position, top)) {
      entry["top_logprobs"].push_back(chat_entry(each, names));
    }
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json completion_logprobs(const std::vector<std::vector<Logprob>>& positions,
                         const std::vector<TokenId>& ids, std::int64_t top, std::int64_t& offset,
                         const TokenNames& names) {
  Json all = {{"text_offset", Json::array()},
              {"token_logprobs", Json::array()},
              {"tokens", Json::array()},
              {"top_logprobs", Json::array()}};
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto& position = positions[i];
    const TokenId id = position.empty() ? ids.at(i) : position.front().token_id;
    all["tokens"].push_back(names(id));
    all["text_offset"].push_back(offset);
    offset += num_characters(names.tokenizer.decode({id}));
    if (position.empty()) {
      all["token_logprobs"].push_back(nullptr);
      all["top_logprobs"].push_back(nullptr);
      continue;
    }
    all["token_logprobs"].push_back(finite(position.front().logprob));
    // As vLLM: the chosen token too, whatever its rank.
    ObjectWriter likely;
    likely.put(names(id), finite(position.front().logprob));
    for (const Logprob& each : likely_of(position, top)) {
      likely.put(names(each.token_id), finite(each.logprob));
    }
    all["top_logprobs"].push_back(std::move(likely).take());
  }
  return all;
}

void append_logprobs(Json& all, Json more) {
  for (auto& [key, list] : all.items()) {
    for (Json& each : more.at(key)) list.push_back(std::move(each));
  }
}

Json prompt_logprobs_json(const std::vector<std::vector<Logprob>>& positions,
                          const TokenNames& names) {
  Json all = Json::array();
  for (const auto& position : positions) {
    if (position.empty()) {
      all.push_back(nullptr);
      continue;
    }
    ObjectWriter entry;
    for (const Logprob& each : position) {
      entry.put(std::to_string(each.token_id), {{"logprob", finite(each.logprob)},
                                                {"rank", each.rank},
                                                {"decoded_token", names(each.token_id)}});
    }
    all.push_back(std::move(entry).take());
  }
  return all;
}

}  // namespace parapet::server
