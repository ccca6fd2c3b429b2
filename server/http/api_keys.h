// Who may come in. Keys are held as their SHA-256 alone, and compared in constant time.
#pragma once

#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "server/digest/sha256.h"

namespace parapet::server {

class ApiKeys {
 public:
  // Each is a key, or "sha256:" and the 64 hexadecimal digits of one's digest. None: all may come
  // in.
  static Result<ApiKeys> read(const std::vector<std::string>& keys);

  // The value of an Authorization header: "Bearer KEY".
  bool admit(std::string_view authorization) const;
  bool empty() const { return digests_.empty(); }

 private:
  std::vector<Sha256> digests_;
};

}  // namespace parapet::server
