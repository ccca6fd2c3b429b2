// What the audit log keeps of one verdict.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/guard.h"

namespace parapet::server {

// Besides the model's own: overload that was answered with a verdict, and no verdict at all.
inline constexpr std::array<std::string_view, 5> kAuditLabels = {"Safe", "Controversial", "Unsafe",
                                                                 "Unavailable", "Error"};

struct AuditEntry {
  std::int64_t time_ms = 0;  // when the request came: Unix time, UTC
  std::string request_id;
  std::string model;        // the name it is served under
  std::string policy_hash;  // of what the chat template writes around every conversation

  bool is_response = false;              // what was judged: a response, or a prompt
  std::optional<std::string> text_hash;  // SHA-256 of the judged message, in hexadecimal
  std::optional<std::string> text;       // the judged message itself

  std::string label;  // one of kAuditLabels
  std::vector<std::string> categories;
  std::optional<bool> refusal;
  std::optional<LabelProbabilities> probabilities;
  std::optional<std::string> error;  // why there is no verdict

  double latency_ms = 0;  // from the request's arrival to the verdict
};

// As it is read back. Ids rise with every entry and are never given twice.
struct AuditRecord {
  std::int64_t id = 0;
  AuditEntry entry;
};

}  // namespace parapet::server
