#include "server/audit/reader.h"

#include "server/audit/audit_fixture.h"
#include "server/audit/store.h"

namespace parapet::server::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Six entries, a second apart.
class ReaderTest : public AuditTest {
 protected:
  ReaderTest() {
    std::vector<AuditEntry> entries = {
        entry("verd-a-0"),           entry("verd-a-1", "Unsafe"),
        entry("verd-b-0", "Unsafe"), entry("verd-c-0", "Error"),
        entry("verd-d-0"),           entry("verd-d-1", "Controversial")};
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].time_ms = 1'000'000 + static_cast<std::int64_t>(i) * 1000;
      entries[i].latency_ms = static_cast<double>(10 * i);
      entries[i].text_hash = std::string(8, static_cast<char>('a' + i)) + std::string(56, '0');
    }
    entries[1].categories = {"Violent", "PII"};
    entries[2].categories = {"Violent"};
    entries[5].categories = {"Unethical Acts"};
    entries[5].is_response = true;
    entries[5].refusal = true;
    EXPECT_TRUE((*AuditStore::open(options()))->append(entries));
  }

  std::vector<std::int64_t> ids(const AuditFilter& filter) const {
    std::vector<std::int64_t> ids;
    for (const AuditRecord& read : find({.filter = filter})) ids.push_back(read.id);
    return ids;
  }
  AuditReader reader(std::chrono::milliseconds max_time = {}) const {
    return std::move(*AuditReader::open(file(), max_time));
  }
};

TEST_F(ReaderTest, FiltersAreJoined) {
  EXPECT_THAT(ids({}), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(ids({.since_ms = 1'002'000, .until_ms = 1'004'000}), ElementsAre(4, 3));
  EXPECT_THAT(ids({.label = "Unsafe"}), ElementsAre(3, 2));
  EXPECT_THAT(ids({.label = "Safe"}), ElementsAre(5, 1));
  EXPECT_THAT(ids({.category = "PII"}), ElementsAre(2));
  EXPECT_THAT(ids({.category = "P"}), IsEmpty());
  EXPECT_THAT(ids({.request_id = "verd-d"}), ElementsAre(6, 5));
  EXPECT_THAT(ids({.request_id = "verd-d-1"}), ElementsAre(6));
  EXPECT_THAT(ids({.text_hash = "cccc"}), ElementsAre(3));
  EXPECT_THAT(ids({.text_hash = "cccccccc1"}), IsEmpty());
  EXPECT_THAT(ids({.since_ms = 1'002'000, .label = "Unsafe", .category = "Violent"}),
              ElementsAre(3));
}

TEST_F(ReaderTest, AFilterCannotSpeakSql) {
  EXPECT_THAT(ids({.category = "x' OR '1'='1"}), IsEmpty());
  EXPECT_THAT(ids({.request_id = "' OR 1 --"}), IsEmpty());
  EXPECT_THAT(ids({.request_id = "verd_a"}), IsEmpty());  // nor wildcards
  EXPECT_THAT(ids({.request_id = "%"}), IsEmpty());
}

TEST_F(ReaderTest, PagesInBothOrders) {
  for (const bool oldest_first : {false, true}) {
    AuditReader pages = reader();
    AuditQuery query{.oldest_first = oldest_first, .limit = 4};
    std::vector<std::int64_t> seen;
    do {
      const auto page = pages.find(query);
      ASSERT_TRUE(page);
      for (const AuditRecord& read : page->records) seen.push_back(read.id);
      query.after_id = page->next;
    } while (query.after_id > 0);
    EXPECT_EQ(seen, oldest_first ? std::vector<std::int64_t>({1, 2, 3, 4, 5, 6})
                                 : std::vector<std::int64_t>({6, 5, 4, 3, 2, 1}));
  }
}

TEST_F(ReaderTest, Counts) {
  const AuditStats stats = *reader().stats({});
  EXPECT_EQ(stats.entries, 6);
  EXPECT_EQ(stats.first_ms, 1'000'000);
  EXPECT_EQ(stats.last_ms, 1'005'000);
  EXPECT_THAT(stats.labels,
              ElementsAre(Pair("Safe", 2), Pair("Controversial", 1), Pair("Unsafe", 2),
                          Pair("Unavailable", 0), Pair("Error", 1)));
  EXPECT_THAT(stats.categories,
              ElementsAre(Pair("Violent", 2), Pair("PII", 1), Pair("Unethical Acts", 1)));
  EXPECT_EQ(stats.refusals, 1);
  EXPECT_EQ(stats.latency_ms_p50, 30);
  EXPECT_EQ(stats.latency_ms_p99, 50);
  EXPECT_EQ(reader().stats({.label = "Unavailable"})->entries, 0);
}

TEST_F(ReaderTest, AWrongFilterIsNamed) {
  EXPECT_THAT(reader().find({.filter = {.label = "unsafe"}}).error().message, HasSubstr("label"));
  for (const char* hash : {"abc", "ABCD", "ghij", "abcd'"}) {
    EXPECT_THAT(reader().find({.filter = {.text_hash = hash}}).error().message,
                HasSubstr("text_hash"));
  }
  EXPECT_EQ(reader().find({.limit = 0}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ReaderTest, ASearchThatTakesTooLongIsGivenUp) {
  std::vector<AuditEntry> many(100'000, entry("verd", "Unsafe"));
  ASSERT_TRUE((*AuditStore::open(options()))->append(many));
  const auto page =
      reader(std::chrono::milliseconds(1)).find({.filter = {.category = "none such"}});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kCancelled);
}

TEST_F(ReaderTest, ReadsWhileTheWriterWritesAndDoesNotHoldItUp) {
  const auto log = open(options());
  AuditReader beside = reader();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(record(*log, entry("verd-" + std::to_string(i))).get());
    const auto page = beside.find({.limit = 1});
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->records.at(0).entry.request_id, "verd-" + std::to_string(i));
  }
}

}  // namespace
}  // namespace parapet::server::test
