// Every code point: normal forms, cuts and the single_word rule, against frozen checksums.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <optional>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "text/golden_corpus.h"
#include "text/normalizer.h"
#include "text/split.h"
#include "text/unicode.h"

namespace parapet::testing {
namespace {

constexpr char32_t kBlock = 1024;
constexpr std::string_view kPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string piece_lengths(const SplitPattern& split, const std::string& text) {
  std::string lengths;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = split.piece_end(text, at);
    if (!lengths.empty()) lengths.push_back(',');
    lengths += std::to_string(end - at);
    at = end;
  }
  return lengths;
}

// The line that tools/golden/tokenizer_code_points.py writes for a character.
std::string line_of(const SplitPattern& split, char32_t code_point) {
  std::string c;
  append_utf8(code_point, c);
  std::string line = to_nfc(c) + "|";
  line += to_nfc("q" + c + "\u0301\u0323") + "|";
  line += to_nfc("\u0301" + c + "\u0334") + "|";
  line += piece_lengths(split, "a" + c + "1" + c + " " + c + c + "\n" + c + "b'" + c + c) + "|";
  return line + (properties_of(code_point).is_word() ? "w\n" : "-\n");
}

std::string checksum_of_block(const SplitPattern& split, char32_t begin) {
  std::string text;
  for (char32_t c = begin; c < begin + kBlock; ++c) {
    if (c < 0xD800 || c >= 0xE000) text += line_of(split, c);
  }
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  char row[32];
  std::snprintf(row, sizeof row, "%06x %08lx", static_cast<unsigned>(begin), crc);
  return row;
}

TEST(CodePoints, EachIsNormalizedCutAndJoinedLikeTheReference) {
  const auto split = SplitPattern::from_regex(kPattern);
  ASSERT_TRUE(split.has_value());
  std::istringstream golden(read_text(golden_directory() / "code_points.txt"));
  std::string row;
  char32_t begin = 0;
  for (; std::getline(golden, row); begin += kBlock) {
    EXPECT_EQ(checksum_of_block(*split, begin), row);
  }
  EXPECT_EQ(begin, 0x110000U);
}

}  // namespace
}  // namespace parapet::testing
