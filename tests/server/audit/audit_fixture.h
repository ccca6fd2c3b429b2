// A folder for audit logs, entries to put in them, and a way to wait for answers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "server/audit/audit_log.h"
#include "server/audit/audit_time.h"
#include "server/audit/reader.h"

namespace parapet::server::test {

inline AuditEntry entry(const std::string& request_id, const std::string& label = "Safe") {
  AuditEntry entry;
  entry.time_ms = unix_now_ms();
  entry.request_id = request_id;
  entry.model = "guard";
  entry.policy_hash = "5f3a";
  entry.label = label;
  entry.latency_ms = 1.5;
  return entry;
}

class AuditTest : public testing::Test {
 protected:
  AuditTest() {
    std::string pattern = testing::TempDir() + "audit-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AuditTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file() const { return folder_ / "audit.db"; }
  AuditOptions options() const {
    AuditOptions options;
    options.file = file();
    options.busy_timeout = std::chrono::milliseconds(50);
    return options;
  }

  static std::unique_ptr<AuditLog> open(AuditOptions options) {
    auto log = AuditLog::open(std::move(options));
    EXPECT_TRUE(log) << log.error().message;
    return std::move(*log);
  }
  static Error error_of_opening(AuditOptions options) {
    const auto log = AuditLog::open(std::move(options));
    return log ? Error{ErrorCode::kInternal, "it was opened"} : log.error();
  }

  static std::future<Status> record(AuditLog& log, AuditEntry entry) {
    auto answer = std::make_shared<std::promise<Status>>();
    log.record(std::move(entry), [answer](const Status& status) { answer->set_value(status); });
    return answer->get_future();
  }

  std::vector<AuditRecord> find(const AuditQuery& query = {}) const {
    auto reader = AuditReader::open(file(), std::chrono::milliseconds(0));
    EXPECT_TRUE(reader) << reader.error().message;
    auto page = reader->find(query);
    EXPECT_TRUE(page) << page.error().message;
    return page ? page->records : std::vector<AuditRecord>();
  }
  std::int64_t count() const {
    auto reader = AuditReader::open(file(), std::chrono::milliseconds(0));
    EXPECT_TRUE(reader) << reader.error().message;
    return reader->stats({})->entries;
  }

  std::filesystem::path folder_;
};

}  // namespace parapet::server::test
