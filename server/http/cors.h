// Which pages of other origins may call the server from a browser: none, unless asked.
#pragma once

#include <string>
#include <vector>

#include "server/http/message.h"

namespace parapet::server {

struct CorsOptions {
  std::vector<std::string> allowed_origins;  // "https://example.org", or "*"; empty: off
  std::vector<std::string> allowed_methods = {"*"};
  std::vector<std::string> allowed_headers = {"*"};
  bool allow_credentials = false;
};

class Cors {
 public:
  explicit Cors(CorsOptions options) : options_(std::move(options)) {}

  // What an answer to this request carries; empty where its origin may not read it.
  Headers headers(const Request& request) const;
  bool is_preflight(const Request& request) const;
  Headers preflight_headers(const Request& request) const;

 private:
  bool allows(std::string_view origin) const;

  CorsOptions options_;
};

}  // namespace parapet::server
