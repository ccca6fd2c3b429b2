// Where exceptions end: nothing thrown below may leave the public API.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "parapet/error.h"

namespace parapet {

// What the exception in flight means to a caller. Call it inside a catch block only.
inline Error current_error() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, "out of memory"};
  } catch (const std::exception& problem) {
    return {ErrorCode::kInternal, problem.what()};
  }
}

// action(), or its exception as an Error. `action` returns a Result.
template <class Action>
auto guarded(Action&& action) -> decltype(action()) {
  try {
    return std::forward<Action>(action)();
  } catch (...) {
    return current_error();
  }
}

}  // namespace parapet
