#include "server/audit/condition.h"

#include <algorithm>

namespace parapet::server {
namespace {

Status check_label(const std::string& label) {
  if (std::ranges::find(kAuditLabels, label) != kAuditLabels.end()) return {};
  return {ErrorCode::kInvalidArgument,
          "label is none of Safe, Controversial, Unsafe, Unavailable and Error"};
}

Status check_text_hash(const std::string& digits) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (digits.size() >= 4 && digits.size() <= 64 && std::ranges::all_of(digits, is_digit)) return {};
  return {ErrorCode::kInvalidArgument,
          "text_hash is not the beginning of a SHA-256: 4 to 64 digits, a to f in small letters"};
}

}  // namespace

void Condition::add(const std::string& term, SqlValue value) {
  sql += " AND " + term;
  values.push_back(value);
}

void Condition::bind(Statement& statement) const {
  int parameter = 0;
  for (const SqlValue& value : values) statement.bind(++parameter, value);
}

Result<Condition> condition_of(const AuditFilter& filter) {
  Condition condition;
  if (filter.since_ms) condition.add("time_ms >= ?", *filter.since_ms);
  if (filter.until_ms) condition.add("time_ms < ?", *filter.until_ms);
  if (filter.label) {
    const Status known = check_label(*filter.label);
    if (!known) return known.error();
    // What is written out lets SQLite use the index on flagged rows.
    if (*filter.label != "Safe") condition.sql += " AND label <> 'Safe'";
    condition.add("label = ?", *filter.label);
  }
  if (filter.category) {
    condition.add(
        "label <> 'Safe' AND EXISTS (SELECT 1 FROM json_each(categories) WHERE value = ?)",
        *filter.category);
  }
  if (filter.request_id) {
    condition.add("request_id >= ?", *filter.request_id);
    condition.add("request_id < ? || char(0x10FFFF)", *filter.request_id);
  }
  if (filter.text_hash) {
    const Status digits = check_text_hash(*filter.text_hash);
    if (!digits) return digits.error();
    condition.add("text_hash >= ?", *filter.text_hash);
    // 'g' stands behind every digit.
    condition.add("text_hash < ? || 'g'", *filter.text_hash);
  }
  return condition;
}

}  // namespace parapet::server
