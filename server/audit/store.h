// An audit log's file, open for writing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>

#include "server/audit/entry.h"
#include "server/audit/options.h"
#include "server/audit/sqlite.h"

namespace parapet::server {

class AuditStore {
 public:
  // Creates the file, for this user's eyes alone, where there is none. It keeps no reference to
  // `options`.
  static Result<std::unique_ptr<AuditStore>> open(const AuditOptions& options);

  // All of them in one transaction, or none.
  Status append(std::span<const AuditEntry> entries);
  // One short step of retention and tidying, as of this time. True where more is left to do.
  Result<bool> maintain(std::int64_t now_ms);
  // Moves what the WAL has into the file, as far as readers allow.
  void checkpoint();
  // False once the file under its name is another one, or none: what is written is lost.
  bool is_current() const;

 private:
  AuditStore(const AuditOptions& options, Database database)
      : options_(options), database_(std::move(database)) {}
  Status prepare();
  Status insert(const AuditEntry& entry);
  Result<std::int64_t> delete_expired(std::int64_t now_ms);
  struct PageCounts {
    std::int64_t size;  // bytes of a page
    std::int64_t all;
    std::int64_t free;
  };
  Result<PageCounts> page_counts();
  Result<std::int64_t> delete_beyond_size();
  Result<bool> release_pages();

  AuditOptions options_;
  Database database_;
  std::optional<Statement> insert_;
  int wal_pages_ = 0;
  dev_t device_ = 0;  // of the open file
  ino_t inode_ = 0;
};

}  // namespace parapet::server
