#include "server/digest/sha256.h"

#include <fmt/format.h>
#include <openssl/sha.h>

namespace parapet::server {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest = {};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string to_hex(const Sha256& digest) {
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace parapet::server
