// What an audit log does when its file cannot be written: it refuses, says why, and recovers.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "server/audit/audit_fixture.h"
#include "server/audit/sqlite.h"

namespace parapet::server::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AuditTroubleTest : public AuditTest {
 protected:
  Database other_program() {
    return std::move(
        *Database::open(file(), Database::Access::kWrite, std::chrono::milliseconds(50)));
  }
};

// Holds files of this process to a size, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

TEST_F(AuditTroubleTest, AFullDiskRefusesAndIsToldAndIsOverWhenThereIsRoom) {
  std::vector<std::string> lines;
  AuditOptions telling = options();
  telling.on_trouble = [&](const std::string& line) { lines.push_back(line); };
  const auto log = open(telling);
  ASSERT_TRUE(record(*log, entry("verd-1")).get());
  AuditEntry large = entry("verd-large");
  large.text = std::string(1 << 20, 'x');
  {
    const FileSizeLimit limit(200 << 10);
    for (int i = 0; i < 2; ++i) {
      const Status refused = record(*log, large).get();
      ASSERT_FALSE(refused);
      EXPECT_THAT(refused.error().message, AllOf(HasSubstr("audit.db"), Not(HasSubstr("\n"))));
      EXPECT_EQ(log->health().trouble, refused.error().message);
    }
  }
  EXPECT_TRUE(record(*log, large).get());
  EXPECT_EQ(log->health().trouble, "");
  EXPECT_EQ(log->health().refused, 2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("verdicts are refused"));
  EXPECT_THAT(lines[1], HasSubstr("recorded again"));
  EXPECT_EQ(count(), 2);
}

TEST_F(AuditTroubleTest, AnothersLockIsWaitedForThenRefused) {
  const auto log = open(options());
  Database other = other_program();
  ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
  const Status refused = record(*log, entry("verd-1")).get();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("another program holds its lock"));
  ASSERT_TRUE(other.execute("ROLLBACK"));
  EXPECT_TRUE(record(*log, entry("verd-2")).get());
}

TEST_F(AuditTroubleTest, AFileThatWasMovedAwayIsBegunAnew) {
  const auto log = open(options());
  ASSERT_TRUE(record(*log, entry("verd-1")).get());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::rename(file().string() + suffix, folder_ / ("old" + std::string(suffix)));
  }
  ASSERT_TRUE(record(*log, entry("verd-2")).get());
  ASSERT_EQ(count(), 1);
  EXPECT_EQ(find().at(0).entry.request_id, "verd-2");
}

TEST_F(AuditTroubleTest, OneLineForAFileThatIsNoAuditLog) {
  std::ofstream(file()) << std::string(5000, 'x');
  EXPECT_THAT(error_of_opening(options()).message, HasSubstr("audit.db: not an SQLite database"));
  EXPECT_EQ(std::filesystem::file_size(file()), 5000U);  // left as it was

  std::filesystem::remove(file());
  ASSERT_TRUE(other_program().execute("CREATE TABLE verdicts(id INTEGER)"));
  EXPECT_THAT(error_of_opening(options()).message, HasSubstr("not an audit log of Parapet"));
}

TEST_F(AuditTroubleTest, OneLineForAnotherVersionAndADamagedFile) {
  open(options());
  ASSERT_TRUE(other_program().execute("PRAGMA user_version=7"));
  EXPECT_THAT(error_of_opening(options()).message,
              HasSubstr("its schema has version 7, expected 1"));
  const auto reader = AuditReader::open(file(), std::chrono::milliseconds(0));
  EXPECT_EQ(reader.error().code, ErrorCode::kUnsupported);

  ASSERT_TRUE(other_program().execute("PRAGMA user_version=1"));
  std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
  damaged.seekp(100) << std::string(3000, '\xff');
  damaged.close();
  const Error error = error_of_opening(options());
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("audit.db: damaged"));
}

TEST_F(AuditTroubleTest, OneLineForALockedFileAndAMissingFolder) {
  open(options());
  Database other = other_program();
  ASSERT_TRUE(other.execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"));
  EXPECT_THAT(error_of_opening(options()).message, HasSubstr("another program holds its lock"));

  AuditOptions nowhere = options();
  nowhere.file = folder_ / "no/such/audit.db";
  EXPECT_THAT(error_of_opening(nowhere).message, HasSubstr("No such file or directory"));
  EXPECT_EQ(AuditReader::open(nowhere.file, {}).error().code, ErrorCode::kNotFound);
}

// The child records without end and writes the number of each answered entry into a pipe, until it
// is killed in the middle of it.
[[noreturn]] void record_until_killed(AuditLog& log, int pipe) {
  for (int i = 0;; ++i) {
    while (log.health().queued > 100) std::this_thread::yield();
    log.record(entry(std::to_string(i)), [pipe, i](const Status& status) {
      if (status) (void)!::write(pipe, &i, sizeof i);
    });
  }
}

TEST_F(AuditTroubleTest, KilledItHasLostNothingThatWasAnswered) {
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) record_until_killed(*open(options()), ends[1]);
    ::close(ends[1]);
    std::set<std::string> answered;
    const auto read_one = [&] {
      int i = 0;
      const bool there = ::read(ends[0], &i, sizeof i) == sizeof i;
      if (there) answered.insert(std::to_string(i));
      return there;
    };
    while (answered.size() < 2000U + 777U * static_cast<unsigned>(round)) ASSERT_TRUE(read_one());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (read_one()) {
    }
    ::close(ends[0]);

    std::set<std::string> recorded;
    for (const AuditRecord& read : find({.limit = 1'000'000}))
      recorded.insert(read.entry.request_id);
    EXPECT_TRUE(std::ranges::includes(recorded, answered)) << answered.size();
    EXPECT_TRUE(record(*open(options()), entry("afterwards")).get());
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(file().string() + suffix);
    }
  }
}

}  // namespace
}  // namespace parapet::server::test
