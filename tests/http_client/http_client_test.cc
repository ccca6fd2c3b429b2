#include "http_client/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace parapet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers one connection with prepared bytes, a text a request, and keeps what it was asked.
class CannedServer {
 public:
  explicit CannedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;
  ~CannedServer() {
    ::shutdown(listener_, SHUT_RDWR);  // ends an accept() that nobody came to
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Once all is answered and the client is gone.
  const std::vector<std::string>& requests() {
    thread_.join();
    return requests_;
  }

 private:
  void run() {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    for (const std::string& answer : answers_) {
      requests_.push_back(read_request(connection));
      ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    char rest = 0;
    static_cast<void>(::recv(connection, &rest, 1, 0));  // until the client leaves
    ::close(connection);
  }

  static std::string read_request(int connection) {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      char buffer[4096];
      const auto got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      request.append(buffer, static_cast<std::size_t>(got));
      const std::size_t end = request.find("\r\n\r\n");
      if (end == std::string::npos || wanted != std::string::npos) continue;
      const std::size_t at = request.find("Content-Length: ");
      wanted = end + 4 + (at < end ? std::stoul(request.substr(at + 16)) : 0);
    }
    return request;
  }

  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

std::string answer(int status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

HttpClient client_of(HttpClientOptions options) {
  auto client = HttpClient::create(std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return std::move(client).value();
}

TEST(HttpClient, PostsAndGetsOverOneConnection) {
  CannedServer server({answer(200, R"({"a": 1})"), answer(200, "second")});
  {
    HttpClient client = client_of({.url = server.url() + "/base/v1/", .api_key = "secret"});
    const auto posted = client.post_json("/v1/completions", R"({"prompt": [1, 2]})");
    ASSERT_TRUE(posted) << posted.error().message;
    EXPECT_EQ(posted->status, 200);
    EXPECT_EQ(posted->body, R"({"a": 1})");
    const auto got = client.get("/version");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "second");
  }
  const auto& requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_THAT(requests[0], HasSubstr("POST /base/v1/completions HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\n\r\n{\"prompt\": [1, 2]}"));
  EXPECT_THAT(requests[1], HasSubstr("GET /base/version HTTP/1.1\r\n"));
}

TEST(HttpClient, SendsNoKeyWhereThereIsNone) {
  CannedServer server({answer(200, "")});
  { ASSERT_TRUE(client_of({.url = server.url()}).get("/")); }
  EXPECT_THAT(server.requests().front(), Not(HasSubstr("Authorization")));
}

TEST(HttpClient, AnyStatusIsAnAnswerAndRedirectsAreNotFollowed) {
  CannedServer server({answer(302, "elsewhere", "Location: http://127.0.0.1:1/\r\n")});
  HttpClient client = client_of({.url = server.url()});
  const auto got = client.get("/");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 302);
  EXPECT_FALSE(got->ok());
}

const std::string kNoRoom = answer(429, R"({"error": {"message": "no room"}})");

TEST(HttpClient, AsksAgainWhereThereIsNoRoom) {
  CannedServer server({kNoRoom, answer(503, "", "Retry-After: 1\r\n"), answer(200, "done")});
  {
    HttpClient client = client_of({.url = server.url()});
    const auto begin = std::chrono::steady_clock::now();
    const auto posted = client.post_json("/v1/verdicts", "{}");
    ASSERT_TRUE(posted) << posted.error().message;
    EXPECT_EQ(posted->body, "done");
    EXPECT_EQ(posted->num_tries, 3);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1100));
  }
  const auto& requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0], requests[2]);
}

// Pauses of 0.1, 0.2 and 0.4 s; the next would come to more than is allowed.
TEST(HttpClient, DoesNotWaitForEver) {
  CannedServer server({kNoRoom, kNoRoom, kNoRoom, kNoRoom});
  HttpClient client = client_of({.url = server.url(), .max_wait = std::chrono::milliseconds(1000)});
  const auto body = body_of(*client.get("/"), "URL");
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kIo);
  EXPECT_EQ(body.error().message, "URL answers 429 the last of 4 times: no room");
}

TEST(HttpClient, DoesNotAskAgainWhereItWouldBeTooLate) {
  for (const std::string& told :
       {answer(429, "", "Retry-After: 61\r\n"), answer(503, "broken"), answer(500, "no")}) {
    CannedServer server({told});
    const auto got = client_of({.url = server.url()}).get("/");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->num_tries, 1);
  }
  CannedServer server({kNoRoom});
  const auto got = client_of({.url = server.url(), .max_wait = std::chrono::seconds(0)}).get("/");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 429);
}

void expect_error(const Result<HttpResponse>& result, const std::string& part) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kIo);
  EXPECT_THAT(result.error().message, HasSubstr(part));
  EXPECT_THAT(result.error().message, HasSubstr("http://127.0.0.1:"));
  EXPECT_THAT(result.error().message, Not(HasSubstr("\n")));
}

TEST(HttpClient, ALongAnswerIsCutOff) {
  CannedServer exact({answer(200, std::string(100, 'x'))});
  EXPECT_TRUE(client_of({.url = exact.url(), .max_response_bytes = 100}).get("/"));
  CannedServer server({answer(200, std::string(101, 'x'))});
  expect_error(client_of({.url = server.url(), .max_response_bytes = 100}).get("/"),
               "longer than 100 bytes");
}

TEST(HttpClient, TimeoutsAndLostConnectionsAreErrors) {
  CannedServer silent({""});
  expect_error(client_of({.url = silent.url(), .timeout = std::chrono::milliseconds(50)}).get("/"),
               "timed out");
  expect_error(client_of({.url = "http://127.0.0.1:1"}).get("/"), "connect");
}

TEST(HttpClient, UrlsThatAreNoneAreRefused) {
  for (const char* url : {"", "ftp://host", "file:///etc/passwd", "host:8000", "http://",
                          "http://a b", "http://host/?x=1"}) {
    const auto client = HttpClient::create({.url = url});
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(client.error().message, HasSubstr("expected one like http://host:8000"));
  }
  EXPECT_FALSE(HttpClient::create({.url = "http://host", .api_key = "a\r\nb: c"}));
}

TEST(BodyOf, TellsWhatTheServerSays) {
  EXPECT_EQ(body_of({200, "text"}, "URL").value(), "text");
  const std::pair<const char*, const char*> told[] = {
      {R"({"error": {"message": "no such model", "code": null}})", "no such model"},
      {R"({"object": "error", "message": "too\nlong"})", "too long"},
      {R"({"error": "busy"})", "busy"},
      {"<html>\n", "\"<html>\\x0a\""}};
  for (const auto& [body, message] : told) {
    const auto result = body_of({404, body}, "URL");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, std::string("URL answers 404: ") + message);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  for (const int status : {302, 408, 429, 500, 503}) {
    EXPECT_EQ(body_of({status, ""}, "URL").error().code, ErrorCode::kIo) << status;
  }
}

}  // namespace
}  // namespace parapet
