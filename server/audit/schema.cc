#include "server/audit/schema.h"

namespace parapet::server {
namespace {

constexpr std::int64_t kApplicationId = 0x50525054;  // "PRPT"; `file audit.db` shows it

// Times are Unix milliseconds. `categories` is a JSON array of names.
// The indexes serve the searches that are offered; that on flagged rows is small, as most are not.
constexpr const char* kTables = R"(
  CREATE TABLE verdicts(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    model TEXT NOT NULL,
    policy_hash TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('prompt', 'response')),
    text_hash TEXT,
    text TEXT,
    label TEXT NOT NULL,
    categories TEXT NOT NULL,
    refusal INTEGER,
    p_safe REAL,
    p_controversial REAL,
    p_unsafe REAL,
    label_mass REAL,
    latency_ms REAL NOT NULL,
    error TEXT
  ) STRICT;
  CREATE INDEX verdicts_by_time ON verdicts(time_ms);
  CREATE INDEX verdicts_by_request ON verdicts(request_id);
  CREATE INDEX verdicts_by_text ON verdicts(text_hash) WHERE text_hash IS NOT NULL;
  CREATE INDEX verdicts_flagged ON verdicts(id) WHERE label <> 'Safe';
)";

// auto_vacuum must be chosen before the first table. A deleted text is overwritten with zeros.
Status create_tables(Database& database) {
  return database.execute("PRAGMA auto_vacuum=INCREMENTAL; BEGIN IMMEDIATE;" +
                          std::string(kTables) +
                          "PRAGMA application_id=" + std::to_string(kApplicationId) +
                          "; PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;");
}

Result<bool> is_empty(Database& database) {
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return application.error();
  return *tables == 0 && *application == 0;
}

}  // namespace

Status create_or_check_schema(Database& database) {
  auto empty = is_empty(database);
  if (!empty) return empty.error();
  if (*empty) {
    const Status created = create_tables(database);
    if (created) return {};
    (void)database.execute("ROLLBACK");
    // Another program may have begun the same file just now.
    empty = is_empty(database);
    if (!empty || *empty) return created;
  }
  return check_schema(database);
}

Status check_schema(Database& database) {
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return application.error();
  if (*application != kApplicationId) {
    return {ErrorCode::kCorrupt,
            database.name() + ": not an audit log of Parapet; name a file of its own for it"};
  }
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return version.error();
  if (*version != kSchemaVersion) {
    return {ErrorCode::kUnsupported, database.name() + ": its schema has version " +
                                         std::to_string(*version) + ", expected " +
                                         std::to_string(kSchemaVersion) + ": of another Parapet"};
  }
  const auto tables = database.integer("SELECT count(id) FROM (SELECT id FROM verdicts LIMIT 1)");
  if (!tables) return tables.error();
  return {};
}

}  // namespace parapet::server
