#include "base/output_file.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(OutputFile, WritesAtAnyPlace) {
  const TemporaryDirectory directory;
  auto file = OutputFile::create(directory.path() / "f", 6);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->write_at(3, bytes_of("def")));
  EXPECT_TRUE(file->write_at(0, bytes_of("abc")));
  EXPECT_TRUE(file->finish());
  EXPECT_EQ(read_file(directory.path() / "f", 100).value(), "abcdef");
}

TEST(OutputFile, RefusesOneThatIsThere) {
  const TemporaryDirectory directory;
  const auto path = directory.write("f", "mine");
  const auto file = OutputFile::create(path, 4);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_EQ(file.error().message, path.string() + ": File exists");
}

TEST(OutputFile, TellsOfADiskThatIsTooSmall) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "f";
  const auto file = OutputFile::create(path, std::uint64_t{1} << 52);  // four petabytes
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_TRUE(file.error().message.starts_with(path.string() + ": cannot take 4503599627370496 "
                                                               "bytes: "))
      << file.error().message;
}

}  // namespace
}  // namespace parapet
