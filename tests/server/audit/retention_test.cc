#include <fstream>
#include <thread>

#include "server/audit/audit_fixture.h"
#include "server/audit/store.h"

namespace parapet::server::test {
namespace {

constexpr std::int64_t kDay = 86'400'000;

class RetentionTest : public AuditTest {
 protected:
  std::unique_ptr<AuditStore> store(const AuditOptions& options) {
    auto store = AuditStore::open(options);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  // Steps until nothing is left to do; how many there were.
  static int maintain(AuditStore& store, std::int64_t now_ms) {
    for (int steps = 1;; ++steps) {
      const auto more = store.maintain(now_ms);
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) return steps;
    }
  }
  static std::vector<AuditEntry> entries(int count, std::int64_t time_ms, std::size_t text_bytes) {
    std::vector<AuditEntry> made;
    for (int i = 0; i < count; ++i) {
      made.push_back(entry("verd-" + std::to_string(i)));
      made.back().time_ms = time_ms;
      if (text_bytes > 0) made.back().text = std::string(text_bytes, 'x');
    }
    return made;
  }
};

TEST_F(RetentionTest, ByAgeInSmallSteps) {
  AuditOptions keep_30_days = options();
  keep_30_days.retention_days = 30;
  const auto audit = store(keep_30_days);
  const std::int64_t now = unix_now_ms();
  ASSERT_TRUE(audit->append(entries(2500, now - 31 * kDay, 0)));
  ASSERT_TRUE(audit->append(entries(7, now - 30 * kDay, 0)));
  ASSERT_TRUE(audit->append(entries(5, now, 0)));
  EXPECT_GE(maintain(*audit, now), 3);
  EXPECT_EQ(count(), 12);
  EXPECT_EQ(maintain(*audit, now), 1);
  EXPECT_EQ(count(), 12);
  maintain(*audit, now + 29 * kDay);
  EXPECT_EQ(count(), 5);
}

TEST_F(RetentionTest, WithoutLimitsNothingGoes) {
  const auto audit = store(options());
  ASSERT_TRUE(audit->append(entries(100, 0, 0)));
  EXPECT_EQ(maintain(*audit, unix_now_ms()), 1);
  EXPECT_EQ(count(), 100);
}

TEST_F(RetentionTest, BySizeTheOldestGoAndTheFileStaysSmall) {
  AuditOptions two_mib = options();
  two_mib.max_bytes = 2 << 20;
  const auto audit = store(two_mib);
  const std::int64_t now = unix_now_ms();
  std::int64_t last_count = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(audit->append(entries(200, now, 2000)));
    maintain(*audit, now);
    last_count = count();
  }
  // 4,000 entries were written, each a page of its own with its text of 2 kB; 512 pages fit.
  EXPECT_GT(last_count, 400);
  EXPECT_LT(last_count, 512);
  AuditQuery oldest;
  oldest.oldest_first = true;
  oldest.limit = 2000;
  const auto kept = find(oldest);
  EXPECT_EQ(kept.back().id, 4000);
  EXPECT_EQ(kept.front().id, 4001 - last_count);
}

TEST_F(RetentionTest, ASmallerLimitShrinksTheFile) {
  const std::int64_t now = unix_now_ms();
  ASSERT_TRUE(store(options())->append(entries(3000, now, 2000)));
  EXPECT_GT(std::filesystem::file_size(file()), 6U << 20);
  AuditOptions one_mib = options();
  one_mib.max_bytes = kMinAuditBytes;
  maintain(*store(one_mib), now);
  EXPECT_LE(std::filesystem::file_size(file()), static_cast<std::uintmax_t>(kMinAuditBytes));
  EXPECT_GT(count(), 200);
}

TEST_F(RetentionTest, ADeletedTextIsGoneFromTheFile) {
  AuditOptions keep_a_day = options();
  keep_a_day.retention_days = 1;
  AuditEntry secret = entry("verd");
  secret.text = "a very particular secret";
  secret.time_ms = 0;
  {
    const auto audit = store(keep_a_day);
    ASSERT_TRUE(audit->append(std::vector{secret}));
    maintain(*audit, unix_now_ms());
  }
  std::ifstream stream(file(), std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  EXPECT_EQ(bytes.find(*secret.text), std::string::npos);
}

TEST_F(RetentionTest, TheWriterDoesItByItself) {
  AuditOptions keep_a_day = options();
  keep_a_day.retention_days = 1;
  const auto log = open(keep_a_day);
  AuditEntry old = entry("verd-old");
  old.time_ms = 0;
  ASSERT_TRUE(record(*log, old).get());
  ASSERT_TRUE(record(*log, entry("verd-new")).get());
  while (count() != 1) std::this_thread::yield();
  EXPECT_EQ(find().at(0).entry.request_id, "verd-new");
}

}  // namespace
}  // namespace parapet::server::test
