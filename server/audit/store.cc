#include "server/audit/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "server/audit/schema.h"

namespace parapet::server {
namespace {

// Rows deleted, and pages given back, in one step: a millisecond or so, between two batches.
constexpr std::int64_t kRowsAStep = 1000;
constexpr std::int64_t kPagesAStep = 256;
// Pages of 4 KiB in the WAL before they are moved into the file. Four times SQLite's default: a
// page of an index that many entries changed is moved, and waited for, once.
constexpr int kWalPages = 4096;
// What keeps the indexes of some hundred thousand entries from being read again: hashes and request
// ids come in no order.
constexpr const char* kCacheKiB = "65536";

constexpr std::int64_t kMillisecondsADay = 86'400'000;

constexpr const char* kInsert = R"(
  INSERT INTO verdicts(time_ms, request_id, model, policy_hash, kind, text_hash, text, label,
    categories, refusal, p_safe, p_controversial, p_unsafe, label_mass, latency_ms, error)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))";

// SQLite would create a file that others may read; its WAL takes the file's own permissions.
Status create_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    return {ErrorCode::kIo, file.string() + ": cannot be opened: " + std::strerror(errno)};
  }
  ::close(descriptor);
  return {};
}

SqlValue value_of(const std::optional<std::string>& text) {
  return text ? SqlValue(std::string_view(*text)) : nullptr;
}

std::string json_of(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int remember_wal_pages(void* wal_pages, sqlite3*, const char*, int pages) {
  *static_cast<int*>(wal_pages) = pages;
  return SQLITE_OK;
}

}  // namespace

Result<std::unique_ptr<AuditStore>> AuditStore::open(const AuditOptions& options) {
  const Status created = create_private(options.file);
  if (!created) return created.error();
  auto database = Database::open(options.file, Database::Access::kWrite, options.busy_timeout);
  if (!database) return database.error();
  std::unique_ptr<AuditStore> store(new AuditStore(options, std::move(*database)));
  const Status prepared = store->prepare();
  if (!prepared) return prepared.error();
  return store;
}

Status AuditStore::prepare() {
  const Status schema = create_or_check_schema(database_);
  if (!schema) return schema;
  // Checkpoints are ours to time: after answers are given, not before.
  const Status set = database_.execute(
      std::string(
          "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
          "PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=ON; PRAGMA synchronous=") +
      (options_.durability == Durability::kPower ? "FULL" : "NORMAL"));
  if (!set) return set;
  sqlite3_wal_hook(database_.handle(), remember_wal_pages, &wal_pages_);
  auto insert = database_.prepare(kInsert);
  if (!insert) return insert.error();
  insert_ = std::move(*insert);

  struct stat status = {};
  if (::stat(options_.file.c_str(), &status) != 0) {
    return {ErrorCode::kIo, database_.name() + ": " + std::strerror(errno)};
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return {};
}

bool AuditStore::is_current() const {
  struct stat status = {};
  return ::stat(options_.file.c_str(), &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

Status AuditStore::append(std::span<const AuditEntry> entries) {
  Status done = database_.execute("BEGIN IMMEDIATE");
  if (!done) return done;
  for (const AuditEntry& entry : entries) {
    done = insert(entry);
    if (!done) break;
  }
  if (done) done = database_.execute("COMMIT");
  if (!done && sqlite3_get_autocommit(database_.handle()) == 0) {
    (void)database_.execute("ROLLBACK");
  }
  return done;
}

Status AuditStore::insert(const AuditEntry& entry) {
  const std::string categories = json_of(entry.categories);
  const auto& p = entry.probabilities;
  const auto number = [&](double LabelProbabilities::*which) {
    return p ? SqlValue((*p).*which) : nullptr;
  };
  const SqlValue values[] = {
      entry.time_ms,
      entry.request_id,
      entry.model,
      entry.policy_hash,
      std::string_view(entry.is_response ? "response" : "prompt"),
      value_of(entry.text_hash),
      value_of(entry.text),
      entry.label,
      std::string_view(categories),
      entry.refusal ? SqlValue(std::int64_t{*entry.refusal}) : nullptr,
      number(&LabelProbabilities::safe),
      number(&LabelProbabilities::controversial),
      number(&LabelProbabilities::unsafe),
      number(&LabelProbabilities::label_mass),
      entry.latency_ms,
      value_of(entry.error),
  };
  int parameter = 0;
  for (const SqlValue& value : values) insert_->bind(++parameter, value);
  const auto stepped = insert_->step();
  insert_->reset();
  if (!stepped) return stepped.error();
  return {};
}

Result<bool> AuditStore::maintain(std::int64_t now_ms) {
  const auto expired = delete_expired(now_ms);
  if (!expired) return expired.error();
  const auto beyond = delete_beyond_size();
  if (!beyond) return beyond.error();
  const auto more_pages = release_pages();
  if (!more_pages) return more_pages.error();
  return *expired == kRowsAStep || *beyond > 0 || *more_pages;
}

// How many rows went.
Result<std::int64_t> AuditStore::delete_expired(std::int64_t now_ms) {
  if (options_.retention_days == 0) return 0;
  const std::int64_t oldest_kept = now_ms - options_.retention_days * kMillisecondsADay;
  const Status deleted = database_.execute(
      "DELETE FROM verdicts WHERE id IN (SELECT id FROM verdicts WHERE time_ms < " +
      std::to_string(oldest_kept) + " ORDER BY time_ms LIMIT " + std::to_string(kRowsAStep) + ")");
  if (!deleted) return deleted.error();
  return sqlite3_changes64(database_.handle());
}

Result<AuditStore::PageCounts> AuditStore::page_counts() {
  const auto size = database_.integer("PRAGMA page_size");
  if (!size) return size.error();
  const auto all = database_.integer("PRAGMA page_count");
  if (!all) return all.error();
  const auto free = database_.integer("PRAGMA freelist_count");
  if (!free) return free.error();
  return PageCounts{*size, *all, *free};
}

// As many of the oldest rows as, at the mean size of a row, take what is too much.
Result<std::int64_t> AuditStore::delete_beyond_size() {
  if (options_.max_bytes == 0) return 0;
  const auto pages = page_counts();
  if (!pages) return pages.error();
  const std::int64_t used = pages->all - pages->free;
  const std::int64_t excess = used - options_.max_bytes / pages->size;
  if (excess <= 0) return 0;
  const auto rows = database_.integer("SELECT 1 + max(id) - min(id) FROM verdicts");
  if (!rows) return rows.error();
  const std::int64_t surplus = std::clamp(*rows * excess / used + 1, std::int64_t{1}, kRowsAStep);
  const Status deleted = database_.execute(
      "DELETE FROM verdicts WHERE id IN (SELECT id FROM verdicts ORDER BY id LIMIT " +
      std::to_string(surplus) + ")");
  if (!deleted) return deleted.error();
  return sqlite3_changes64(database_.handle());
}

// Free pages are used again by new rows, so a few are kept; true where more can be given back.
Result<bool> AuditStore::release_pages() {
  const auto pages = page_counts();
  if (!pages) return pages.error();
  const bool too_large = options_.max_bytes > 0 && pages->all > options_.max_bytes / pages->size;
  const bool too_empty = pages->free > kPagesAStep && pages->free > pages->all / 4;
  if (pages->free == 0 || (!too_large && !too_empty)) return false;
  const Status released =
      database_.execute("PRAGMA incremental_vacuum(" + std::to_string(kPagesAStep) + ")");
  if (!released) return released.error();
  return true;
}

void AuditStore::checkpoint() {
  if (wal_pages_ < kWalPages) return;
  wal_pages_ = 0;
  // One that fails is tried again when the WAL has grown; commits do not depend on it.
  (void)sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                  nullptr);
}

}  // namespace parapet::server
