#include "server/audit/reader.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "server/audit/condition.h"
#include "server/audit/schema.h"

namespace parapet::server {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBusyTimeout{2000};
// SQLite asks whether to go on once in so many steps of its machine: some microseconds.
constexpr int kStepsAQuestion = 10'000;

// While it lives, what runs on the connection ends at the time limit.
class TimeLimit {
 public:
  TimeLimit(sqlite3* handle, std::chrono::milliseconds max_time)
      : handle_(handle), end_(steady_clock::now() + max_time) {
    if (max_time.count() > 0) sqlite3_progress_handler(handle_, kStepsAQuestion, is_over, this);
  }
  ~TimeLimit() { sqlite3_progress_handler(handle_, 0, nullptr, nullptr); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  static int is_over(void* self) {
    return steady_clock::now() > static_cast<const TimeLimit*>(self)->end_ ? 1 : 0;
  }

  sqlite3* handle_;
  steady_clock::time_point end_;
};

constexpr const char* kColumns =
    "id, time_ms, request_id, model, policy_hash, kind, text_hash, text, label, categories, "
    "refusal, p_safe, p_controversial, p_unsafe, label_mass, latency_ms, error";

std::optional<std::string> text_or_null(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.text(column));
}

std::vector<std::string> names_of(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  std::vector<std::string> names;
  if (!parsed.is_array()) return names;
  for (const auto& name : parsed) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

// In the order of kColumns.
AuditRecord record_of(const Statement& row) {
  AuditRecord record;
  AuditEntry& entry = record.entry;
  record.id = row.integer(0);
  entry.time_ms = row.integer(1);
  entry.request_id = row.text(2);
  entry.model = row.text(3);
  entry.policy_hash = row.text(4);
  entry.is_response = row.text(5) == "response";
  entry.text_hash = text_or_null(row, 6);
  entry.text = text_or_null(row, 7);
  entry.label = row.text(8);
  entry.categories = names_of(row.text(9));
  if (!row.is_null(10)) entry.refusal = row.integer(10) != 0;
  if (!row.is_null(11)) {
    entry.probabilities = {row.number(11), row.number(12), row.number(13), row.number(14)};
  }
  entry.latency_ms = row.number(15);
  entry.error = text_or_null(row, 16);
  return record;
}

// One number of the rows that the condition lets through.
Result<Statement> select(Database& database, const std::string& what, const Condition& condition,
                         const std::string& tail = "") {
  auto statement = database.prepare("SELECT " + what + " WHERE " + condition.sql + tail);
  if (!statement) return statement.error();
  condition.bind(*statement);
  return statement;
}

Status count_rows(Database& database, const Condition& condition, AuditStats& stats) {
  std::string what = "count(*), min(time_ms), max(time_ms), total(refusal)";
  for (const std::string_view label : kAuditLabels)
    what += ", total(label = '" + std::string(label) + "')";
  auto row = select(database, what + " FROM verdicts", condition);
  if (!row) return row.error();
  const auto stepped = row->step();
  if (!stepped) return stepped.error();
  stats.entries = row->integer(0);
  if (!row->is_null(1)) stats.first_ms = row->integer(1);
  if (!row->is_null(2)) stats.last_ms = row->integer(2);
  stats.refusals = row->integer(3);
  int column = 4;
  for (const std::string_view label : kAuditLabels)
    stats.labels.emplace_back(label, row->integer(column++));
  return {};
}

Status count_categories(Database& database, const Condition& condition, AuditStats& stats) {
  auto row = select(database, "value, count(*) AS n FROM verdicts, json_each(categories)",
                    condition, " GROUP BY value ORDER BY n DESC, value");
  if (!row) return row.error();
  while (true) {
    const auto stepped = row->step();
    if (!stepped) return stepped.error();
    if (!*stepped) return {};
    stats.categories.emplace_back(row->text(0), row->integer(1));
  }
}

// The smallest latency that this share of all entries does not exceed.
Result<double> latency_at(Database& database, const Condition& condition, std::int64_t entries,
                          double share) {
  if (entries == 0) return 0.0;
  const auto rank = static_cast<std::int64_t>(share * static_cast<double>(entries - 1) + 0.5);
  auto row = select(database, "latency_ms FROM verdicts", condition,
                    " ORDER BY latency_ms LIMIT 1 OFFSET " + std::to_string(rank));
  if (!row) return row.error();
  const auto stepped = row->step();
  if (!stepped) return stepped.error();
  return row->number(0);
}

}  // namespace

Result<AuditReader> AuditReader::open(const std::filesystem::path& file,
                                      std::chrono::milliseconds max_time) {
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0) {
    return {ErrorCode::kNotFound, file.string() + ": no such audit log"};
  }
  auto database = Database::open(file, Database::Access::kRead, kBusyTimeout);
  if (!database) return database.error();
  const Status schema = check_schema(*database);
  if (!schema) return schema.error();
  return AuditReader(std::move(*database), max_time);
}

Result<AuditPage> AuditReader::find(const AuditQuery& query) {
  auto condition = condition_of(query.filter);
  if (!condition) return condition.error();
  if (query.limit < 1) return {ErrorCode::kInvalidArgument, "limit is not at least 1"};
  if (query.after_id > 0) condition->add(query.oldest_first ? "id > ?" : "id < ?", query.after_id);
  const TimeLimit limit(database_.handle(), max_time_);
  auto row = select(database_, std::string(kColumns) + " FROM verdicts", *condition,
                    std::string(" ORDER BY id") + (query.oldest_first ? "" : " DESC") + " LIMIT " +
                        std::to_string(query.limit));
  if (!row) return row.error();
  AuditPage page;
  while (true) {
    const auto stepped = row->step();
    if (!stepped) return stepped.error();
    if (!*stepped) break;
    page.records.push_back(record_of(*row));
  }
  if (std::ssize(page.records) == query.limit) page.next = page.records.back().id;
  return page;
}

Result<AuditStats> AuditReader::stats(const AuditFilter& filter) {
  const auto condition = condition_of(filter);
  if (!condition) return condition.error();
  const TimeLimit limit(database_.handle(), max_time_);
  AuditStats stats;
  // One snapshot for all of them.
  const Status begun = database_.execute("BEGIN");
  if (!begun) return begun.error();
  Status counted = count_rows(database_, *condition, stats);
  if (counted) counted = count_categories(database_, *condition, stats);
  for (const auto& [share, latency] :
       {std::pair(0.5, &stats.latency_ms_p50), std::pair(0.99, &stats.latency_ms_p99)}) {
    if (!counted) break;
    const auto found = latency_at(database_, *condition, stats.entries, share);
    if (!found) {
      counted = found.error();
    } else {
      *latency = *found;
    }
  }
  (void)database_.execute("ROLLBACK");
  if (!counted) return counted.error();
  return stats;
}

}  // namespace parapet::server
