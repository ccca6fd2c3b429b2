#include "base/output_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/huge_pages.h"
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

// Pieces are gathered to large pages: their ends fall anywhere in one, and several fit in a piece.
TEST(OutputFile, KeepsTheBytesOfPiecesInOrderAndOutOfIt) {
  std::string expected(5 * kHugePage + 17, '\0');
  std::uint32_t state = 1;
  for (char& c : expected) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const std::size_t ends[] = {3, kHugePage - 1, kHugePage + 5, 4 * kHugePage + 5, expected.size()};

  const TemporaryDirectory directory;
  auto file = OutputFile::create(directory.path() / "f", expected.size());
  ASSERT_TRUE(file) << file.error().message;
  const auto write = [&](std::size_t begin, std::size_t end) {
    EXPECT_TRUE(file->write_at(begin, bytes_of(expected).subspan(begin, end - begin)));
  };
  for (std::size_t begin = 0; const std::size_t end : ends) write(std::exchange(begin, end), end);
  write(kHugePage, 3 * kHugePage);  // once more, from the middle
  OutputFile moved = std::move(*file);
  EXPECT_TRUE(moved.finish());
  EXPECT_EQ(read_file(directory.path() / "f", expected.size()).value(), expected);
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
