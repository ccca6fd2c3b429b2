// JSON over HTTP, from the client's side: how a command asks a server that runs elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "parapet/error.h"

namespace parapet {

struct HttpClientOptions {
  std::string url;  // "http://host:8000"; a path, as a proxy may want, stays before every route.
                    // A "/v1" at its end is cut off: routes name it.
  std::string api_key = {};  // sent as a bearer token; "": none
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{600'000};             // of a whole exchange
  std::size_t max_response_bytes = std::size_t{1} << 30;  // an answer may not be longer
  // A server that has no room (429, or 503 with Retry-After) is asked again when it says, or after
  // rising pauses, as long as the pauses of one request come to no more than this. 0: never.
  std::chrono::milliseconds max_wait{60'000};
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // 0: not told
  int num_tries = 1;
  bool ok() const { return status >= 200 && status < 300; }
};

// Keeps its connection open between requests. Move-only; one thread at a time. Redirects are not
// followed: they would carry the key to another host. Proxies are taken from the environment
// (http_proxy, no_proxy), but never for this machine's own addresses.
class HttpClient {
 public:
  // kInvalidArgument: the URL is not "http://" or "https://" with a host. Connects to nothing yet.
  static Result<HttpClient> create(HttpClientOptions options);

  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // `path` begins with "/". kIo where there is no answer, or not all of it: nobody listens, a
  // timeout, a length over the limit. Any status is an answer, where waiting did not help.
  Result<HttpResponse> get(std::string_view path);
  Result<HttpResponse> post_json(std::string_view path, std::string_view json);

  // The URL of a route, as messages name it.
  std::string url_of(std::string_view path) const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The body of a 2xx; else what the server says is wrong, in one line: kInvalidArgument for a 4xx
// that asking again would not change, kIo for the others. `url` stands in the message.
Result<std::string> body_of(HttpResponse response, const std::string& url);

}  // namespace parapet
