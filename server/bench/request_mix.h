// What a server under load is asked.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "server/bench/load_client.h"

namespace parapet::server {

enum class RequestKind : std::uint8_t { kVerdicts, kChat, kModerations, kHealth };
inline constexpr std::size_t kNumRequestKinds = 4;
const char* to_string(RequestKind kind);  // "verdicts", "chat", "moderations", "health"

// Of all requests; shares need not add up to one.
using KindShares = std::array<double, kNumRequestKinds>;
// "verdicts", or "verdicts=8,chat=1,health=1".
Result<KindShares> parse_mix(std::string_view text);

struct MixOptions {
  KindShares shares = {1, 0, 0, 0};
  std::int64_t words = 12;  // of a text
  std::int64_t texts = 0;   // different ones, again and again; 0: every text is a new one
};

// Whole messages, ready to be sent. They repeat from run to run.
class RequestMix {
 public:
  struct Asked {
    RequestKind kind = RequestKind::kVerdicts;
    std::shared_ptr<const std::string> message;
  };

  RequestMix(const MixOptions& options, ServerUrl url, std::string api_key, std::string model);

  // The deadline stands in its headers; 0: none.
  Asked next(std::chrono::milliseconds deadline);
  std::shared_ptr<const std::string> make(RequestKind kind, std::string_view text,
                                          std::chrono::milliseconds deadline) const;
  std::shared_ptr<const std::string> get(std::string_view path) const;
  // A new one, but where the texts are all made.
  std::string text();

 private:
  std::string message(std::string_view method, std::string_view path, std::string_view body,
                      std::chrono::milliseconds deadline) const;

  MixOptions options_;
  ServerUrl url_;
  std::string api_key_;
  std::string model_;  // in JSON
  std::mt19937_64 random_{20261125};
  std::discrete_distribution<std::size_t> kinds_;
  std::vector<std::string> texts_;
};

}  // namespace parapet::server
