#include "http_client/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/quote.h"

namespace parapet {
namespace {

using std::chrono::milliseconds;

constexpr int kTimeout = 408;
constexpr int kTooMany = 429;
constexpr int kUnavailable = 503;

// For now. 503 may also mean what no waiting helps.
bool has_no_room(const HttpResponse& response) {
  return response.status == kTooMany ||
         (response.status == kUnavailable && response.retry_after.count() > 0);
}

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CloseUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;
using Url = std::unique_ptr<CURLU, CloseUrl>;

// libcurl's own state, once a process; its end is the process's.
bool start_library() {
  static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kStarted;
}

std::optional<std::string> url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl_free(text);
  return copy;
}

// What stands before every route: "http://host:1/base" of "http://host:1/base/v1/".
Result<std::string> base_url(const std::string& given) {
  const auto wrong = [&] {
    return Error{ErrorCode::kInvalidArgument,
                 "URL is " + quote(given) + ", expected one like http://host:8000"};
  };
  const Url url(curl_url());
  PARAPET_CHECK(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, given.c_str(), 0) != CURLUE_OK) return wrong();
  const auto scheme = url_part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return wrong();
  if (url_part(url.get(), CURLUPART_QUERY) || url_part(url.get(), CURLUPART_FRAGMENT)) {
    return wrong();
  }
  auto base = url_part(url.get(), CURLUPART_URL);
  if (!base) return wrong();
  while (base->ends_with('/')) base->pop_back();
  if (base->ends_with("/v1")) base->resize(base->size() - 3);
  return *std::move(base);
}

bool is_this_machine(const std::string& base) {
  const Url url(curl_url());
  PARAPET_CHECK(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return false;
  const auto host = url_part(url.get(), CURLUPART_HOST);
  return host == "localhost" || host == "[::1]" || host.value_or("").starts_with("127.");
}

struct Body {
  std::string bytes;
  std::size_t limit = 0;
  bool too_long = false;
};

std::size_t take_bytes(const char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<Body*>(into);
  const std::size_t bytes = size * count;
  body.too_long = bytes > body.limit - body.bytes.size();
  if (body.too_long) return 0;  // ends the exchange
  body.bytes.append(data, bytes);
  return bytes;
}

// OpenAI's {"error": {"message": ...}}, older vLLM's {"message": ...}, others' {"error": "..."}.
std::optional<std::string> told_message(const std::string& body) {
  const auto document = JsonDocument::parse("answer", body);
  if (!document) return std::nullopt;
  const auto object = document->object();
  if (!object) return std::nullopt;
  if (const auto message = object->string("message")) return std::string(*message);
  if (const auto error = object->string("error")) return std::string(*error);
  const auto error = object->object("error");
  if (!error) return std::nullopt;
  const auto message = error->string("message");
  if (!message) return std::nullopt;
  return std::string(*message);
}

}  // namespace

struct HttpClient::Impl {
  HttpClientOptions options;  // its url is the base of all routes
  bool use_proxies = true;
  Handle handle;
  std::array<char, CURL_ERROR_SIZE> reason{};

  Result<HttpResponse> exchange(const std::string& url, std::optional<std::string_view> json);
  Result<HttpResponse> exchange_once(const std::string& url, std::optional<std::string_view> json);
  HeaderList headers(bool with_body) const;
  Error failure(const std::string& url, CURLcode code, bool too_long) const;
};

HeaderList HttpClient::Impl::headers(bool with_body) const {
  HeaderList list;
  const auto add = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    PARAPET_CHECK(longer != nullptr);
    static_cast<void>(list.release());
    list.reset(longer);
  };
  add("Accept: application/json");
  add("Expect:");  // a server is not asked first whether it would like the body
  if (with_body) add("Content-Type: application/json");
  if (!options.api_key.empty()) add("Authorization: Bearer " + options.api_key);
  return list;
}

Error HttpClient::Impl::failure(const std::string& url, CURLcode code, bool too_long) const {
  if (too_long) {
    return {ErrorCode::kIo, url + ": the answer is longer than " +
                                std::to_string(options.max_response_bytes) + " bytes"};
  }
  const std::string detail = reason.front() != '\0' ? reason.data() : curl_easy_strerror(code);
  return {ErrorCode::kIo, url + ": " + detail};
}

Result<HttpResponse> HttpClient::Impl::exchange(const std::string& url,
                                                std::optional<std::string_view> json) {
  constexpr milliseconds kFirstPause{100};
  milliseconds waited{0};
  milliseconds pause = kFirstPause;
  for (int tries = 1;; ++tries, pause *= 2) {
    PARAPET_ASSIGN(HttpResponse response, exchange_once(url, json));
    response.num_tries = tries;
    const milliseconds wait = std::max<milliseconds>(pause, response.retry_after);
    if (!has_no_room(response) || wait > options.max_wait - waited) return response;
    std::this_thread::sleep_for(wait);
    waited += wait;
  }
}

Result<HttpResponse> HttpClient::Impl::exchange_once(const std::string& url,
                                                     std::optional<std::string_view> json) {
  CURL* curl = handle.get();
  curl_easy_reset(curl);  // the connection stays
  Body body;
  body.limit = options.max_response_bytes;
  const HeaderList list = headers(json.has_value());
  reason.front() = '\0';
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "parapet");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  if (!use_proxies) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  if (json) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json->data());
  }
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    return failure(url, code, body.too_long);
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  return HttpResponse{.status = static_cast<int>(status),
                      .body = std::move(body.bytes),
                      .retry_after = std::chrono::seconds(retry_after)};
}

Result<HttpClient> HttpClient::create(HttpClientOptions options) {
  if (!start_library()) return Error{ErrorCode::kInternal, "libcurl did not start"};
  if (options.api_key.find_first_of("\r\n") != std::string::npos) {
    return Error{ErrorCode::kInvalidArgument, "the API key has more than one line"};
  }
  PARAPET_ASSIGN(options.url, base_url(options.url));
  auto impl = std::make_unique<Impl>();
  impl->use_proxies = !is_this_machine(options.url);
  impl->options = std::move(options);
  impl->handle.reset(curl_easy_init());
  if (impl->handle == nullptr) return Error{ErrorCode::kInternal, "libcurl did not start"};
  return HttpClient(std::move(impl));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

std::string HttpClient::url_of(std::string_view path) const {
  return impl_->options.url + std::string(path);
}

Result<HttpResponse> HttpClient::get(std::string_view path) {
  return impl_->exchange(url_of(path), std::nullopt);
}

Result<HttpResponse> HttpClient::post_json(std::string_view path, std::string_view json) {
  return impl_->exchange(url_of(path), json);
}

Result<std::string> body_of(HttpResponse response, const std::string& url) {
  if (response.ok()) return std::move(response.body);
  const bool final = response.status >= 400 && response.status < 500 &&
                     response.status != kTooMany && response.status != kTimeout;
  auto told = told_message(response.body);
  if (told)
    std::ranges::replace_if(
        *told, [](char c) { return c >= 0 && c < ' '; }, ' ');
  return Error{final ? ErrorCode::kInvalidArgument : ErrorCode::kIo,
               url + " answers " + std::to_string(response.status) +
                   (response.num_tries > 1
                        ? " the last of " + std::to_string(response.num_tries) + " times: "
                        : ": ") +
                   (told ? *told : quote(response.body))};
}

}  // namespace parapet
