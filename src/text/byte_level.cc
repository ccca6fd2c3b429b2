#include "text/byte_level.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"

namespace parapet {
namespace {

constexpr std::size_t kAlphabetEnd = 0x144;
constexpr std::int16_t kNoByte = -1;

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<std::uint16_t, 256> make_byte_to_char() {
  std::array<std::uint16_t, 256> chars{};
  std::uint16_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    chars[byte] = stands_for_itself(byte) ? static_cast<std::uint16_t>(byte) : next++;
  }
  return chars;
}
constexpr auto kByteToChar = make_byte_to_char();

constexpr std::array<std::int16_t, kAlphabetEnd> make_char_to_byte() {
  std::array<std::int16_t, kAlphabetEnd> bytes{};
  for (auto& byte : bytes) byte = kNoByte;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bytes[kByteToChar[byte]] = static_cast<std::int16_t>(byte);
  }
  return bytes;
}
constexpr auto kCharToByte = make_char_to_byte();

}  // namespace

bool append_spelled_bytes(std::string_view spelling, std::string& out) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < spelling.size();) {
    const Utf8Char c = read_utf8(spelling, at);
    const std::int16_t byte = c.code_point < kAlphabetEnd ? kCharToByte[c.code_point] : kNoByte;
    if (byte == kNoByte) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    at = c.end;
  }
  return true;
}

std::string spell_bytes(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) append_utf8(kByteToChar[static_cast<unsigned char>(byte)], out);
  return out;
}

}  // namespace parapet
