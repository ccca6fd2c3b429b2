// Searches in an audit log, beside the server that writes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/audit/entry.h"
#include "server/audit/sqlite.h"

namespace parapet::server {

// What is not set does not narrow the search.
struct AuditFilter {
  std::optional<std::int64_t> since_ms = {};  // Unix time; the entry's is not before it
  std::optional<std::int64_t> until_ms = {};  // and before this one
  std::optional<std::string> label = {};      // one of kAuditLabels
  std::optional<std::string> category = {};
  std::optional<std::string> request_id = {};  // or its beginning
  std::optional<std::string> text_hash = {};   // its first digits, at least four
};

struct AuditQuery {
  AuditFilter filter = {};
  bool oldest_first = false;
  std::int64_t limit = 100;
  std::int64_t after_id = 0;  // AuditPage::next of the page before; 0: from the beginning
};

struct AuditPage {
  std::vector<AuditRecord> records;
  std::int64_t next = 0;  // 0: that was the last one
};

struct AuditStats {
  std::int64_t entries = 0;
  std::optional<std::int64_t> first_ms;
  std::optional<std::int64_t> last_ms;
  std::vector<std::pair<std::string, std::int64_t>> labels;      // as kAuditLabels
  std::vector<std::pair<std::string, std::int64_t>> categories;  // named at all; the most first
  std::int64_t refusals = 0;
  double latency_ms_p50 = 0;
  double latency_ms_p99 = 0;
};

// For one thread at a time. Reading takes no lock that a writer waits for, and every page is a
// transaction of its own, so that a long export does not make the writer's WAL grow.
class AuditReader {
 public:
  // A search that takes longer than max_time is given up with kCancelled; 0: no limit.
  // kNotFound where there is no such file; kCorrupt or kUnsupported where it is no audit log.
  static Result<AuditReader> open(const std::filesystem::path& file,
                                  std::chrono::milliseconds max_time);

  // kInvalidArgument names a field of the filter.
  Result<AuditPage> find(const AuditQuery& query);
  Result<AuditStats> stats(const AuditFilter& filter);

 private:
  AuditReader(Database database, std::chrono::milliseconds max_time)
      : database_(std::move(database)), max_time_(max_time) {}

  Database database_;
  std::chrono::milliseconds max_time_;
};

}  // namespace parapet::server
