// How every fallible call of Parapet answers: a value, or an Error that a person can act on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "parapet/export.h"

namespace parapet {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,    // the caller's value is outside what the documentation allows
  kNotFound,           // a file, tensor, token or command that is not there
  kCorrupt,            // a file breaks its own format (offsets, lengths, JSON, duplicate keys)
  kUnsupported,        // well formed, but not something this build can honour
  kTooLong,            // a prompt that does not fit in the model's positions
  kTemplate,           // the chat template refused the conversation or broke a limit
  kMalformedOutput,    // the model's answer is not a verdict
  kNumeric,            // NaN or infinity where a finite number is required
  kResourceExhausted,  // memory or blocks
  kIo,                 // the operating system refused
  kCancelled,          // by the caller, or with the model, before there was an answer
  kInternal,           // a bug of ours; never caused by input alone
};

// "corrupt file", "unsupported", ...: the fixed words that stand before a message.
PARAPET_API const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one line: which file, field and value is wrong, and what would be right
};

// A T or an Error; ok() says which. To read the one that is not there is a bug of the caller: it
// throws std::bad_variant_access.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(ErrorCode code, std::string message) : Result(Error{code, std::move(message)}) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// Success without a value, or an Error, which only a failed one has. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  Result(ErrorCode code, std::string message) : Result(Error{code, std::move(message)}) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace parapet
