#include "server/json/api_error.h"

#include "server/json/json.h"

namespace parapet::server {

std::string error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 404: return "not_found_error";
    case 408: return "timeout_error";
    case 429: return "rate_limit_error";
    case 503: return "service_unavailable_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

std::string error_json(const ApiError& error) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return to_text({{"error",
                   {{"message", error.message},
                    {"type", error.type},
                    {"param", or_null(error.param)},
                    {"code", or_null(error.code)}}}});
}

ApiError deadline_error() {
  return {408, "the answer did not come before the request's deadline", error_type(408), "",
          "deadline_exceeded"};
}

ApiError api_error(const Error& error) {
  ApiError answer;
  answer.message = error.message;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorrupt:  // variables that no template can read
    case ErrorCode::kUnsupported: break;
    case ErrorCode::kTemplate: answer.code = "template"; break;
    case ErrorCode::kTooLong: answer.code = "context_length_exceeded"; break;
    case ErrorCode::kNotFound:
      answer.status = 404;
      answer.code = "not_found";
      break;
    case ErrorCode::kResourceExhausted:
      answer.status = 503;
      answer.code = "resource_exhausted";
      break;
    case ErrorCode::kCancelled:
      answer.status = 503;
      answer.code = "cancelled";
      break;
    case ErrorCode::kNumeric:
      answer.status = 500;
      answer.code = "numeric";
      break;
    default:
      answer.status = 500;
      answer.code = "internal_error";
      break;
  }
  answer.type = error_type(answer.status);
  return answer;
}

}  // namespace parapet::server
