// Requests from standard input, one a line.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet::cli {

enum class InputFormat : std::uint8_t {
  kAuto,   // JSON lines if the first line is a JSON object, else text
  kLines,  // each line is a prompt
  kJsonl,  // each line is {"prompt": ..., "response": ...} or {"messages": [...]}
};

struct Request {
  std::int64_t line = 0;  // counted from one
  Result<Conversation> conversation;
};

// Reads conversations one by one. A line that is wrong is answered as that line's Error, and
// reading goes on behind it.
class RequestReader {
 public:
  RequestReader(std::istream& input, InputFormat format) : input_(input), format_(format) {}

  // The next request; nullopt at the end. Empty lines are passed over.
  std::optional<Request> next();
  // True when the next request can be had without waiting for whoever writes to the other end.
  bool has_buffered_input() const { return input_.rdbuf()->in_avail() > 0; }

 private:
  std::istream& input_;
  InputFormat format_;
  std::int64_t line_ = 0;
};

}  // namespace parapet::cli
