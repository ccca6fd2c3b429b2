// The audit log of a server: a verdict is recorded before it is answered.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/audit/entry.h"
#include "server/audit/options.h"
#include "server/audit/store.h"

namespace parapet::server {

// Success once the entry is where options.durability puts it; else why it was not recorded, and the
// verdict must not be answered. Called once, on the writer's thread, or on the caller's, before
// record() returns, where the queue is full. It must return soon and must not throw.
using OnDurable = std::function<void(const Status& status)>;

struct AuditHealth {
  std::int64_t recorded = 0;  // since the start
  std::int64_t refused = 0;
  std::int64_t queued = 0;  // now
  std::string trouble;      // why entries are being refused; empty while they are not
};

// Every method may be called from any thread at any time.
//
// One thread writes. It takes what has gathered while it wrote, as one transaction: so a batch is
// as large as the load makes it, and nobody waits for a batch to fill. A file that fails is opened
// anew for the next batch, so that the log goes on when the disk has room again, and a file that
// was moved away under its name is replaced by a new one.
class AuditLog {
 public:
  // kInvalidArgument names an option; kIo, kCorrupt or kUnsupported the file.
  static Result<std::unique_ptr<AuditLog>> open(AuditOptions options);
  // Writes what is queued.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void record(AuditEntry entry, OnDurable on_durable);
  // Waits until every on_durable of before has been called. Not to be called from one of them.
  void flush();
  AuditHealth health() const;

 private:
  struct Batch {
    std::vector<AuditEntry> entries;
    std::vector<OnDurable> on_durable;  // one an entry
  };

  AuditLog(AuditOptions options, std::unique_ptr<AuditStore> store);
  // Empty where the queue has room.
  std::string refusal(std::int64_t bytes) const;
  void run();
  // False where the log is to end and nothing is queued.
  bool await_work(Batch& batch);
  Status write(const Batch& batch);
  void answer(Batch& batch, const Status& status);
  void note(const Status& status);
  void maintain();

  const AuditOptions options_;

  // Of the writer's thread.
  std::unique_ptr<AuditStore> store_;  // empty after a failure
  std::chrono::steady_clock::time_point next_maintenance_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  Batch queue_;
  std::int64_t queued_bytes_ = 0;
  AuditHealth health_;
  bool writing_ = false;  // a batch is taken and not yet answered
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace parapet::server
