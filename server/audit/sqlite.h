// SQLite's C interface with owners and Results. A connection is for one thread at a time.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "parapet/error.h"

namespace parapet::server {

// A value to bind. Text is not copied: it must outlive the next step().
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;

class Statement {
 public:
  // Parameters count from 1.
  void bind(int parameter, SqlValue value);
  // True where there is a row to read; false at the end.
  Result<bool> step();
  // Ready for new values and another run.
  void reset();

  // Columns count from 0.
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double number(int column) const;
  std::string text(int column) const;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(std::string name, sqlite3_stmt* statement)
      : name_(std::move(name)), statement_(statement) {}

  std::string name_;  // of the file, for messages
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

class Database {
 public:
  enum class Access : std::uint8_t { kRead, kWrite };
  // kWrite creates a file that is not there. A lock is waited for as long as busy_timeout.
  static Result<Database> open(const std::filesystem::path& file, Access access,
                               std::chrono::milliseconds busy_timeout);

  // Any number of statements without results.
  Status execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row.
  Result<std::int64_t> integer(std::string_view sql);

  sqlite3* handle() const { return handle_.get(); }
  const std::string& name() const { return name_; }

 private:
  struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Database(std::string name, sqlite3* handle) : name_(std::move(name)), handle_(handle) {}

  std::string name_;
  std::unique_ptr<sqlite3, Closer> handle_;
};

// What went wrong last on a connection, as one line that names the file and says what to do.
Error sqlite_error(const std::string& name, sqlite3* handle);

}  // namespace parapet::server
