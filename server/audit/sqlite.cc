#include "server/audit/sqlite.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace parapet::server {
namespace {

// The operating system's own words, where it refused.
std::string system_words(sqlite3* handle) {
  const int number = sqlite3_system_errno(handle);
  return number == 0 ? std::string(sqlite3_errmsg(handle)) : std::strerror(number);
}

}  // namespace

Error sqlite_error(const std::string& name, sqlite3* handle) {
  switch (sqlite3_errcode(handle)) {
    case SQLITE_NOTADB: return {ErrorCode::kCorrupt, name + ": not an SQLite database"};
    case SQLITE_CORRUPT:
      return {ErrorCode::kCorrupt, name + ": damaged (" + sqlite3_errmsg(handle) +
                                       "); move it away, and a new one is begun"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kIo, name + ": another program holds its lock; end that, or wait"};
    case SQLITE_FULL: return {ErrorCode::kIo, name + ": the disk is full"};
    case SQLITE_CANTOPEN:
      return {ErrorCode::kIo, name + ": cannot be opened: " + system_words(handle)};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return {ErrorCode::kIo, name + ": this user may not write it or its folder"};
    case SQLITE_IOERR: return {ErrorCode::kIo, name + ": " + system_words(handle)};
    case SQLITE_INTERRUPT:
      return {ErrorCode::kCancelled, name + ": the search took too long; ask for less time"};
    case SQLITE_NOMEM: return {ErrorCode::kResourceExhausted, name + ": out of memory"};
    default: return {ErrorCode::kIo, name + ": " + sqlite3_errmsg(handle)};
  }
}

void Statement::bind(int parameter, SqlValue value) {
  struct Binder {
    sqlite3_stmt* statement;
    int parameter;
    void operator()(std::nullptr_t) const { sqlite3_bind_null(statement, parameter); }
    void operator()(std::int64_t value) const { sqlite3_bind_int64(statement, parameter, value); }
    void operator()(double value) const { sqlite3_bind_double(statement, parameter, value); }
    void operator()(std::string_view value) const {
      // An empty view may have no address, which SQLite would read as NULL.
      const char* const bytes = value.empty() ? "" : value.data();
      sqlite3_bind_text64(statement, parameter, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
  };
  std::visit(Binder{statement_.get(), parameter}, value);
}

Result<bool> Statement::step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return sqlite_error(name_, sqlite3_db_handle(statement_.get()));
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* const bytes = sqlite3_column_text(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<Database> Database::open(const std::filesystem::path& file, Access access,
                                std::chrono::milliseconds busy_timeout) {
  const int mode =
      access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(file.string(), handle);
  if (handle == nullptr) return {ErrorCode::kResourceExhausted, file.string() + ": out of memory"};
  if (code != SQLITE_OK) return sqlite_error(database.name_, handle);
  sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout.count()));
  return database;
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return sqlite_error(name_, handle());
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK) {
    return sqlite_error(name_, handle());
  }
  return Statement(name_, statement);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  const auto row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : 0;
}

}  // namespace parapet::server
