// The tables of an audit log, and how a file is known to be one.
#pragma once

#include "server/audit/sqlite.h"

namespace parapet::server {

// Rises when a column changes its meaning; stands in PRAGMA user_version and in every export.
inline constexpr std::int64_t kSchemaVersion = 1;

// An empty file becomes an audit log; any other must be one of this version.
Status create_or_check_schema(Database& database);
// kCorrupt or kUnsupported where the file is no audit log, or one of another version.
Status check_schema(Database& database);

}  // namespace parapet::server
