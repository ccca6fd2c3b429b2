// What one client may cost, in bytes, connections and time.
#pragma once

#include <chrono>
#include <cstddef>

namespace parapet::server {

struct HttpLimits {
  std::size_t max_connections = 10000;
  std::size_t max_header_bytes = std::size_t{32} << 10;  // request line and headers
  std::size_t max_body_bytes = std::size_t{8} << 20;
  // Bodies of all requests that are being read or answered: what many clients cost together.
  std::size_t max_bodies_bytes = std::size_t{256} << 20;
  // Written and not yet taken by the client, of one stream.
  std::size_t max_unsent_bytes = std::size_t{1} << 20;

  std::chrono::milliseconds keep_alive{65000};  // between requests
  std::chrono::milliseconds header_timeout{
      10000};                                     // from a request's first byte to its headers' end
  std::chrono::milliseconds body_timeout{30000};  // from there to the body's end
  std::chrono::milliseconds write_timeout{30000};  // for a piece of an answer to leave
};

}  // namespace parapet::server
