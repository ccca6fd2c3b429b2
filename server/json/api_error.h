// An error as OpenAI's API tells it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "parapet/error.h"

namespace parapet::server {

struct ApiError {
  int status = 400;
  std::string message = {};
  std::string type = "invalid_request_error";
  std::string param = {};       // which field; empty: null
  std::string code = {};        // empty: null
  int retry_after_seconds = 0;  // 0: not told
};

// What a status is called there.
std::string error_type(int status);
// {"error": {"message", "type", "param", "code"}}
std::string error_json(const ApiError& error);
// The answer that did not come before the request's deadline.
ApiError deadline_error();
// Of the engine's answers.
ApiError api_error(const Error& error);

}  // namespace parapet::server
