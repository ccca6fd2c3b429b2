#include "server/audit/audit_log.h"

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "server/audit/audit_fixture.h"

namespace parapet::server::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AuditLogTest : public AuditTest {};

TEST_F(AuditLogTest, ReadsBackWhatWasRecorded) {
  AuditEntry written = entry("verd-1", "Unsafe");
  written.is_response = true;
  written.text_hash = std::string(64, 'a');
  written.text = std::string("nul \0 and 护栏", 16);
  written.categories = {"Violent", "PII"};
  written.refusal = false;
  written.probabilities = {0.25, 0.5, 0.25, 0.75};
  written.error = "malformed output: x";
  ASSERT_TRUE(record(*open(options()), written).get());

  const auto records = find();
  ASSERT_EQ(records.size(), 1U);
  const AuditEntry& read = records[0].entry;
  EXPECT_EQ(records[0].id, 1);
  EXPECT_EQ(read.time_ms, written.time_ms);
  EXPECT_EQ(read.request_id, "verd-1");
  EXPECT_EQ(read.model, "guard");
  EXPECT_EQ(read.policy_hash, "5f3a");
  EXPECT_TRUE(read.is_response);
  EXPECT_EQ(read.text_hash, written.text_hash);
  EXPECT_EQ(read.text, written.text);
  EXPECT_EQ(read.label, "Unsafe");
  EXPECT_THAT(read.categories, ElementsAre("Violent", "PII"));
  EXPECT_EQ(read.refusal, false);
  ASSERT_TRUE(read.probabilities);
  EXPECT_EQ(read.probabilities->controversial, 0.5);
  EXPECT_EQ(read.probabilities->label_mass, 0.75);
  EXPECT_EQ(read.error, written.error);
  EXPECT_EQ(read.latency_ms, 1.5);
}

TEST_F(AuditLogTest, WhatIsNotKnownStaysUnknown) {
  ASSERT_TRUE(record(*open(options()), entry("verd-1")).get());
  const AuditEntry read = find().at(0).entry;
  EXPECT_FALSE(read.text_hash || read.text || read.refusal || read.probabilities || read.error);
  EXPECT_TRUE(read.categories.empty());
}

TEST_F(AuditLogTest, TheFileIsForItsOwnerAlone) {
  const auto log = open(options());
  ASSERT_TRUE(record(*log, entry("verd-1")).get());
  for (const char* suffix : {"", "-wal"}) {
    const auto status = std::filesystem::status(file().string() + suffix);
    EXPECT_EQ(status.permissions(), std::filesystem::perms(0600)) << suffix;
  }
}

TEST_F(AuditLogTest, OldEntriesStayWhenItIsOpenedAgain) {
  for (const char* id : {"verd-1", "verd-2"})
    ASSERT_TRUE(record(*open(options()), entry(id)).get());
  EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal"));  // closed in order
  EXPECT_EQ(count(), 2);
}

// What gathers while a batch is written becomes one transaction: its entries are answered together.
TEST_F(AuditLogTest, BatchesGrowWithTheLoad) {
  const auto log = open(options());
  std::mutex first_is_answered;
  first_is_answered.lock();
  log->record(entry("verd-first"),
              [&](const Status&) { const std::lock_guard wait(first_is_answered); });
  while (log->health().recorded == 0) std::this_thread::yield();
  std::vector<std::future<Status>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(record(*log, entry("verd-" + std::to_string(i))));
  EXPECT_EQ(log->health().queued, 500);
  first_is_answered.unlock();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(log->health().recorded, 501);
  EXPECT_EQ(count(), 501);
}

TEST_F(AuditLogTest, ManyThreadsAndTwoLogsOfOneFile) {
  AuditOptions patient = options();
  patient.busy_timeout = std::chrono::seconds(20);
  const std::unique_ptr<AuditLog> logs[] = {open(patient), open(patient)};
  std::atomic<int> num_recorded = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i) {
        AuditLog& log = *logs[thread % 2];
        if (record(log, entry(std::to_string(thread) + "-" + std::to_string(i))).get()) {
          ++num_recorded;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_recorded, 400);
  std::set<std::string> ids;
  for (const AuditRecord& read : find({.limit = 1000})) ids.insert(read.entry.request_id);
  EXPECT_EQ(ids.size(), 400U);
}

TEST_F(AuditLogTest, EveryEntryIsAnsweredBeforeTheLogGoes) {
  std::vector<std::future<Status>> answers;
  {
    const auto log = open(options());
    for (int i = 0; i < 200; ++i) answers.push_back(record(*log, entry("verd")));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(count(), 200);
}

TEST_F(AuditLogTest, AfterAFlushAllAreAnswered) {
  const auto log = open(options());
  std::atomic<int> num_answered = 0;
  for (int i = 1; i <= 200; ++i) {
    log->record(entry("verd"), [&](const Status&) { ++num_answered; });
    if (i % 50 != 0) continue;
    log->flush();
    EXPECT_EQ(num_answered, i);
  }
}

TEST_F(AuditLogTest, AFullQueueRefusesAtOnce) {
  AuditOptions small = options();
  small.max_queued = 2;
  small.max_queued_bytes = 10'000;
  const auto log = open(small);
  std::mutex first_is_answered;
  first_is_answered.lock();
  log->record(entry("verd-0"),
              [&](const Status&) { const std::lock_guard wait(first_is_answered); });
  while (log->health().recorded == 0) std::this_thread::yield();
  AuditEntry large = entry("verd-large");
  large.text = std::string(20'000, 'x');
  EXPECT_EQ(record(*log, large).get().error().code, ErrorCode::kResourceExhausted);
  auto second = record(*log, entry("verd-1"));
  auto third = record(*log, entry("verd-2"));
  const Status fourth = record(*log, entry("verd-3")).get();
  ASSERT_FALSE(fourth);
  EXPECT_THAT(fourth.error().message, HasSubstr("2 entries wait"));
  first_is_answered.unlock();
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
  EXPECT_EQ(log->health().refused, 2);
  EXPECT_EQ(count(), 3);
}

TEST_F(AuditLogTest, OptionsOutsideTheirLimitsAreNamed) {
  AuditOptions wrong = options();
  wrong.max_bytes = 1000;
  EXPECT_THAT(error_of_opening(wrong).message, HasSubstr("audit-max-bytes is 1000, expected 0"));
  wrong = options();
  wrong.retention_days = -1;
  EXPECT_THAT(error_of_opening(wrong).message, HasSubstr("audit-retention-days is -1"));
}

}  // namespace
}  // namespace parapet::server::test
