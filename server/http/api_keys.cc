#include "server/http/api_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>

namespace parapet::server {
namespace {

constexpr std::string_view kDigestMark = "sha256:";

Result<Sha256> read_digest(std::string_view hex) {
  Sha256 digest = {};
  bool valid = hex.size() == 2 * digest.size();
  for (std::size_t i = 0; valid && i < digest.size(); ++i) {
    const char* at = hex.data() + 2 * i;
    const auto [end, problem] = std::from_chars(at, at + 2, digest[i], 16);
    valid = problem == std::errc() && end == at + 2;
  }
  if (valid) return digest;
  return Error{ErrorCode::kInvalidArgument,
               "an API key that begins with 'sha256:' must go on with 64 hexadecimal digits"};
}

}  // namespace

Result<ApiKeys> ApiKeys::read(const std::vector<std::string>& keys) {
  ApiKeys read;
  for (const std::string& key : keys) {
    if (key.empty()) return Error{ErrorCode::kInvalidArgument, "an API key is empty"};
    if (!key.starts_with(kDigestMark)) {
      read.digests_.push_back(sha256(key));
      continue;
    }
    auto digest = read_digest(std::string_view(key).substr(kDigestMark.size()));
    if (!digest) return digest.error();
    read.digests_.push_back(*digest);
  }
  return read;
}

bool ApiKeys::admit(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (digests_.empty()) return true;
  const bool is_bearer =
      authorization.size() > kScheme.size() &&
      std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme,
                         [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  if (!is_bearer) return false;
  // All of them are compared, whichever fits: the time tells nothing about the keys.
  const Sha256 digest = sha256(authorization.substr(kScheme.size()));
  int found = 0;
  for (const Sha256& each : digests_) {
    found |= static_cast<int>(CRYPTO_memcmp(each.data(), digest.data(), digest.size()) == 0);
  }
  return found != 0;
}

}  // namespace parapet::server
