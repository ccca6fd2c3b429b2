#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(ReadFile, ReadsUpToTheLimit) {
  const TemporaryDirectory directory;
  const std::string content("a\0\xff\n", 4);
  const auto file = directory.write("f", content);
  EXPECT_EQ(read_file(file, 4).value(), content);
  EXPECT_EQ(read_file(directory.write("empty", ""), 0).value(), "");

  const auto refused = read_file(file, 3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(refused.error().message,
            file.string() + ": 4 bytes; at most 3 are expected of this file");
}

TEST(ReadFile, TellsMissingFromUnreadable) {
  const TemporaryDirectory directory;
  const auto missing = read_file(directory.path() / "none", 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            (directory.path() / "none").string() + ": No such file or directory");

  const auto below_a_file = read_file(directory.write("f", "x") / "g", 10);
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kNotFound);

  const auto too_long = read_file(directory.path() / std::string(300, 'n'), 10);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kIo);
}

TEST(ReadFile, RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory directory;
  const auto fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {directory.path(), fifo, std::filesystem::path("/dev/zero")}) {
    const auto read = read_file(path, 10);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(read.error().message, path.string() + ": not a regular file");
    EXPECT_FALSE(MappedFile::open(path)) << path;
  }
}

TEST(MappedFile, MapsTheWholeFile) {
  const TemporaryDirectory directory;
  const std::string content(10'000, 'x');
  const auto file = MappedFile::open(directory.write("f", content));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(text_of(*file), content);
}

TEST(MappedFile, MapsAnEmptyFile) {
  const TemporaryDirectory directory;
  const auto file = MappedFile::open(directory.write("f", ""));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, OutlivesTheNameOfItsFile) {
  const TemporaryDirectory directory;
  const auto path = directory.write("f", "kept");
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  std::filesystem::remove(path);
  EXPECT_EQ(text_of(*file), "kept");
}

TEST(MappedFile, MovesItsBytes) {
  const TemporaryDirectory directory;
  auto first = MappedFile::open(directory.write("a", "first")).value();
  auto second = MappedFile::open(directory.write("b", "second")).value();
  const auto* address = first.bytes().data();
  MappedFile moved(std::move(first));
  EXPECT_EQ(moved.bytes().data(), address);
  second = std::move(moved);
  EXPECT_EQ(second.bytes().data(), address);
  EXPECT_EQ(text_of(second), "first");
}

TEST(MappedFile, NamesAMissingFile) {
  const TemporaryDirectory directory;
  const auto file = MappedFile::open(directory.path() / "none");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace parapet
