#include "server/audit/audit_json.h"

#include <nlohmann/json.hpp>

#include "server/audit/audit_time.h"
#include "server/audit/schema.h"

namespace parapet::server {
namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : nullptr;
}

ordered_json time_or_null(const std::optional<std::int64_t>& unix_ms) {
  return unix_ms ? ordered_json(format_time(*unix_ms)) : nullptr;
}

}  // namespace

ordered_json record_json(const AuditRecord& record) {
  const AuditEntry& entry = record.entry;
  ordered_json json = {{"schema", kSchemaVersion},
                       {"id", record.id},
                       {"time", format_time(entry.time_ms)},
                       {"request_id", entry.request_id},
                       {"model", entry.model},
                       {"policy_hash", entry.policy_hash},
                       {"kind", entry.is_response ? "response" : "prompt"},
                       {"text_hash", or_null(entry.text_hash)},
                       {"text", or_null(entry.text)},
                       {"label", entry.label},
                       {"categories", entry.categories},
                       {"refusal", nullptr},
                       {"probabilities", nullptr},
                       {"label_mass", nullptr},
                       {"latency_ms", entry.latency_ms},
                       {"error", or_null(entry.error)}};
  if (entry.refusal) json["refusal"] = *entry.refusal ? "Yes" : "No";
  if (const auto& p = entry.probabilities) {
    json["probabilities"] = {
        {"Safe", p->safe}, {"Controversial", p->controversial}, {"Unsafe", p->unsafe}};
    json["label_mass"] = p->label_mass;
  }
  return json;
}

ordered_json stats_json(const AuditStats& stats) {
  ordered_json labels = ordered_json::object();
  for (const auto& [label, count] : stats.labels) labels[label] = count;
  ordered_json categories = ordered_json::object();
  for (const auto& [category, count] : stats.categories) categories[category] = count;
  return {{"schema", kSchemaVersion},
          {"entries", stats.entries},
          {"first", time_or_null(stats.first_ms)},
          {"last", time_or_null(stats.last_ms)},
          {"labels", labels},
          {"categories", categories},
          {"refusals", stats.refusals},
          {"latency_ms", {{"p50", stats.latency_ms_p50}, {"p99", stats.latency_ms_p99}}}};
}

std::string dump_json(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace parapet::server
