// PARAPET_CHECK is for our own invariants; PARAPET_TRY and PARAPET_ASSIGN pass Errors up.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "parapet/error.h"

namespace parapet {

// A broken invariant. The public API catches it and answers ErrorCode::kInternal, so that one
// request fails and the process goes on.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void fail_check(const char* file, int line, const char* condition) {
  throw InternalError(std::string(file) + ":" + std::to_string(line) + ": " + condition);
}

}  // namespace parapet

// NOLINTBEGIN(cppcoreguidelines-macro-usage,bugprone-macro-parentheses): only a macro can return
// from its caller, and a declaration cannot stand in parentheses.
#define PARAPET_CHECK(condition)                                             \
  do {                                                                       \
    if (!(condition)) ::parapet::fail_check(__FILE__, __LINE__, #condition); \
  } while (false)

// PARAPET_TRY(status_expression): returns the error, if it is one.
#define PARAPET_TRY(expression)                            \
  do {                                                     \
    if (auto parapet_try_ = (expression); !parapet_try_) { \
      return std::move(parapet_try_).error();              \
    }                                                      \
  } while (false)

#define PARAPET_CONCAT_(a, b) a##b
#define PARAPET_CONCAT(a, b) PARAPET_CONCAT_(a, b)

// PARAPET_ASSIGN(auto x, result_expression): declares x, or returns the error.
#define PARAPET_ASSIGN(declaration, expression) \
  PARAPET_ASSIGN_(PARAPET_CONCAT(parapet_result_, __LINE__), declaration, expression)
#define PARAPET_ASSIGN_(result, declaration, expression) \
  auto result = (expression);                            \
  if (!(result)) return std::move(result).error();       \
  declaration = std::move(result).value()
// NOLINTEND(cppcoreguidelines-macro-usage,bugprone-macro-parentheses)
