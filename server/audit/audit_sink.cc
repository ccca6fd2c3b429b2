#include "server/audit/audit_sink.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "server/audit/audit_json.h"
#include "server/audit/audit_time.h"
#include "server/audit/reader.h"
#include "server/audit/schema.h"
#include "server/digest/sha256.h"

namespace parapet::server {
namespace {

// A search holds one of the threads that may wait.
constexpr std::chrono::milliseconds kLongestSearch{3000};
constexpr std::int64_t kMostRecords = 1000;

AuditEntry entry_of(VerdictRecord record, AuditText text) {
  AuditEntry entry;
  entry.time_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(record.time.time_since_epoch()).count();
  entry.request_id = std::move(record.request_id);
  entry.model = std::move(record.model);
  entry.policy_hash = std::move(record.policy_hash);
  entry.is_response = record.kind == JudgedKind::kResponse;
  if (text != AuditText::kNone) entry.text_hash = to_hex(sha256(record.text));
  if (text == AuditText::kFull) entry.text = std::move(record.text);
  entry.label = std::move(record.label);
  entry.categories = std::move(record.categories);
  entry.refusal = record.refusal;
  entry.probabilities = record.probabilities;
  entry.latency_ms = record.latency_ms;
  if (const auto& error = record.error) {
    entry.error = std::string(to_string(error->code)) + ": " + error->message;
  }
  return entry;
}

Result<std::int64_t> parse_integer(const std::string& name, const std::string& text,
                                   std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, value);
  if (fault == std::errc() && stopped == end && value >= low && value <= high) return value;
  return {ErrorCode::kInvalidArgument,
          name + " is not a number from " + std::to_string(low) + " to " + std::to_string(high)};
}

// One parameter of the URL. An empty one is one that a form left open.
Status set_parameter(AuditQuery& query, const std::string& name, const std::string& value,
                     std::int64_t now_ms) {
  const auto set = [](auto& target, auto parsed) -> Status {
    if (!parsed) return parsed.error();
    target = *parsed;
    return {};
  };
  AuditFilter& filter = query.filter;
  if (value.empty()) return {};
  if (name == "since") return set(filter.since_ms, parse_time(name, value, now_ms));
  if (name == "until") return set(filter.until_ms, parse_time(name, value, now_ms));
  if (name == "limit") return set(query.limit, parse_integer(name, value, 1, kMostRecords));
  if (name == "after") return set(query.after_id, parse_integer(name, value, 1, INT64_MAX));
  if (name == "label") return filter.label = value, Status();
  if (name == "category") return filter.category = value, Status();
  if (name == "request_id") return filter.request_id = value, Status();
  if (name == "text_hash") return filter.text_hash = value, Status();
  return {ErrorCode::kInvalidArgument,
          "there is no such parameter; known are since, until, label, category, request_id, "
          "text_hash, limit and after"};
}

}  // namespace

Result<std::unique_ptr<AuditSink>> AuditSink::open(AuditOptions options, AuditText text) {
  std::filesystem::path file = options.file;
  auto log = AuditLog::open(std::move(options));
  if (!log) return log.error();
  return std::unique_ptr<AuditSink>(new AuditSink(std::move(file), text, std::move(*log)));
}

void AuditSink::record(VerdictRecord record, std::function<void(Status)> durable) {
  log_->record(entry_of(std::move(record), text_), std::move(durable));
}

Result<std::string> AuditSink::query_json(const std::map<std::string, std::string>& parameters) {
  AuditQuery query;
  for (const auto& [name, value] : parameters) {
    const Status set = set_parameter(query, name, value, unix_now_ms());
    if (!set) return set.error();
  }
  auto reader = AuditReader::open(file_, kLongestSearch);
  if (!reader) return reader.error();
  const auto page = reader->find(query);
  if (!page) return page.error();
  nlohmann::ordered_json data = nlohmann::ordered_json::array();
  for (const AuditRecord& record : page->records) data.push_back(record_json(record));
  return dump_json({{"schema", kSchemaVersion},
                    {"data", std::move(data)},
                    {"next", page->next == 0 ? nullptr : nlohmann::ordered_json(page->next)}});
}

}  // namespace parapet::server
