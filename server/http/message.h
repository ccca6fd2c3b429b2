// A request as the handlers see it, and what they answer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parapet::server {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query: "/v1/models"
  std::string query;   // as it was sent, without the question mark
  Headers headers;     // names in lower case
  std::string body;
  std::string id;                                 // of the client's X-Request-Id, else made
  std::chrono::steady_clock::time_point arrived;  // when its last byte was read

  // The first of that name (lower case); empty where there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [each, value] : headers) {
      if (each == name) return value;
    }
    return {};
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;  // beside those about length, type and connection
};

}  // namespace parapet::server
