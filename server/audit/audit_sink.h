// The audit log as the server sees it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/audit/audit_log.h"
#include "server/verdict_sink.h"

namespace parapet::server {

// What is kept of the judged text.
enum class AuditText : std::uint8_t { kNone, kHash, kFull };

class AuditSink final : public VerdictSink {
 public:
  // As AuditLog::open().
  static Result<std::unique_ptr<AuditSink>> open(AuditOptions options, AuditText text);

  void record(VerdictRecord record, std::function<void(Status)> durable) override;
  void flush() override { log_->flush(); }
  // {"schema": 1, "data": [records, the newest first], "next": id or null}. Parameters: since,
  // until, label, category, request_id, text_hash, limit (at most 1,000), after (a `next`).
  Result<std::string> query_json(const std::map<std::string, std::string>& parameters) override;

  AuditHealth health() const { return log_->health(); }

 private:
  AuditSink(std::filesystem::path file, AuditText text, std::unique_ptr<AuditLog> log)
      : file_(std::move(file)), text_(text), log_(std::move(log)) {}

  const std::filesystem::path file_;
  const AuditText text_;
  const std::unique_ptr<AuditLog> log_;
};

}  // namespace parapet::server
