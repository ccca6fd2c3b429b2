#include "server/audit/audit_log.h"

#include <utility>

#include "server/audit/audit_time.h"

namespace parapet::server {
namespace {

using std::chrono::steady_clock;

// How often retention looks, where nothing is left to do.
constexpr auto kMaintenancePeriod = std::chrono::milliseconds(500);

// Of an entry in the queue: what varies.
std::int64_t bytes_of(const AuditEntry& entry) {
  return std::ssize(entry.request_id) + std::ssize(entry.model) + std::ssize(entry.policy_hash) +
         (entry.text ? std::ssize(*entry.text) : 0) + (entry.error ? std::ssize(*entry.error) : 0) +
         static_cast<std::int64_t>(sizeof(AuditEntry));
}

constexpr std::int64_t kMostDays = 36'500;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 46;

Status check_limit(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return {};
  return {ErrorCode::kInvalidArgument, std::string(name) + " is " + std::to_string(value) +
                                           ", expected 0 (no limit), or " + std::to_string(least) +
                                           " to " + std::to_string(most)};
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(AuditOptions options) {
  const Status days = check_limit("audit-retention-days", options.retention_days, 1, kMostDays);
  if (!days) return days.error();
  const Status bytes =
      check_limit("audit-max-bytes", options.max_bytes, kMinAuditBytes, kMostBytes);
  if (!bytes) return bytes.error();
  auto store = AuditStore::open(options);
  if (!store) return store.error();
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(options), std::move(*store)));
}

AuditLog::AuditLog(AuditOptions options, std::unique_ptr<AuditStore> store)
    : options_(std::move(options)),
      store_(std::move(store)),
      next_maintenance_(steady_clock::now()),
      thread_([this] { run(); }) {}

AuditLog::~AuditLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AuditLog::record(AuditEntry entry, OnDurable on_durable) {
  const std::int64_t bytes = bytes_of(entry);
  std::string why;
  {
    const std::lock_guard lock(mutex_);
    why = refusal(bytes);
    if (why.empty()) {
      queue_.entries.push_back(std::move(entry));
      queue_.on_durable.push_back(std::move(on_durable));
      queued_bytes_ += bytes;
    } else {
      ++health_.refused;
    }
  }
  if (why.empty()) return wake_.notify_one();
  on_durable({ErrorCode::kResourceExhausted, std::move(why)});
}

std::string AuditLog::refusal(std::int64_t bytes) const {
  const auto queued = std::ssize(queue_.entries);
  if (queued < options_.max_queued && queued_bytes_ + bytes <= options_.max_queued_bytes) return {};
  return options_.file.string() + ": " + std::to_string(queued) +
         " entries wait to be written; the disk is slower than the verdicts";
}

void AuditLog::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !writing_ && queue_.entries.empty(); });
}

AuditHealth AuditLog::health() const {
  const std::lock_guard lock(mutex_);
  AuditHealth health = health_;
  health.queued = std::ssize(queue_.entries);
  return health;
}

void AuditLog::run() {
  Batch batch;
  while (await_work(batch)) {
    if (!batch.entries.empty()) answer(batch, write(batch));
    maintain();
  }
}

bool AuditLog::await_work(Batch& batch) {
  batch.entries.clear();
  std::unique_lock lock(mutex_);
  writing_ = false;
  idle_.notify_all();
  wake_.wait_until(lock, next_maintenance_,
                   [this] { return stopping_ || !queue_.entries.empty(); });
  std::swap(batch, queue_);
  writing_ = !batch.entries.empty();
  queued_bytes_ = 0;
  return !stopping_ || !batch.entries.empty();
}

Status AuditLog::write(const Batch& batch) {
  if (store_ && !store_->is_current()) store_.reset();
  if (!store_) {
    auto opened = AuditStore::open(options_);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
  }
  const Status written = store_->append(batch.entries);
  if (!written) store_.reset();
  return written;
}

void AuditLog::answer(Batch& batch, const Status& status) {
  note(status);
  {
    const std::lock_guard lock(mutex_);
    (status ? health_.recorded : health_.refused) += std::ssize(batch.entries);
  }
  for (const OnDurable& on_durable : batch.on_durable) on_durable(status);
  batch.on_durable.clear();  // and with them whatever they hold
}

// Keeps what troubles the log, and tells of its beginning and its end.
void AuditLog::note(const Status& status) {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    if (status && !health_.trouble.empty()) {
      line = options_.file.string() + ": verdicts are recorded again";
    } else if (!status && health_.trouble.empty()) {
      line = "verdicts are refused, as they cannot be recorded: " + status.error().message;
    }
    health_.trouble = status ? "" : status.error().message;
  }
  if (!line.empty() && options_.on_trouble) options_.on_trouble(line);
}

// A step at a time: what is queued goes first.
void AuditLog::maintain() {
  const auto now = steady_clock::now();
  if (!store_) {
    next_maintenance_ = now + kMaintenancePeriod;
    return;
  }
  store_->checkpoint();
  if (now < next_maintenance_) return;
  const auto more = store_->maintain(unix_now_ms());
  // What fails here is tried again later; entries that cannot be written are told by write().
  next_maintenance_ = more && *more ? now : now + kMaintenancePeriod;
}

}  // namespace parapet::server
