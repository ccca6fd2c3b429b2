// Conversations under judgement for one request: judged together, written down, then answered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "parapet/guard.h"
#include "server/http/exchange.h"
#include "server/service/service.h"

namespace parapet::server {

inline constexpr const char* kUnavailable = "Unavailable";

// What became of one conversation.
struct Judged {
  JudgedKind kind = JudgedKind::kPrompt;
  std::string id;
  std::string label;               // "Safe", "Controversial", "Unsafe", "Unavailable" or "Error"
  std::optional<Verdict> verdict;  // empty for the last but "Error" of an answer that is no verdict
  std::optional<ApiError> error;   // of "Unavailable" and "Error"
  double latency_ms = 0;           // from the request's arrival
};
// True unless the policy lets it through: what has no verdict is blocked.
bool is_blocked(const Judged& judged, Policy policy);

// A name for the verdicts of a request that nobody has had before, whatever the client named it.
std::string verdicts_id(const Request& request);

struct JudgeJob {
  std::string id;                                           // verdicts are named ID-0, ID-1, ...
  std::vector<std::variant<Conversation, ApiError>> items;  // what cannot be judged says why
  JudgeOptions options;
  Deadline deadline;
  bool record = true;  // in the audit log and the metrics of verdicts
  // On the exchange's strand; in the order of the items.
  std::function<void(const std::vector<Judged>&)> on_done;
  // Instead, where none can be judged: no guard, no room (unless overload is answered with
  // verdicts).
  std::function<void(const ApiError&)> on_failed;
};

void judge(Service& service, const std::shared_ptr<Exchange>& exchange, JudgeJob job);

}  // namespace parapet::server
