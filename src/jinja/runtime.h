// What every operation of a rendering shares: its budget, where it is, and what time it is.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/limits.h"
#include "parapet/error.h"

namespace parapet::jinja {

class Object;

using Clock = std::function<std::tm()>;  // local time, now
std::tm local_time_now();

// "NAME:LINE: PROBLEM" in one line: control characters are escaped, what is too long is cut.
Error located_error(ErrorCode code, std::string_view name, int line, std::string_view problem);

class Runtime {
 public:
  Runtime(std::string_view template_name, const Limits& limits, Clock clock)
      : name_(template_name), limits_(limits), clock_(std::move(clock)) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // The line that is being evaluated: it stands in every error.
  void at(int line) { line_ = line; }
  int line() const { return line_; }
  Error error(std::string_view problem) const;

  // One more node evaluated or element visited.
  Status step();
  // That many bytes are about to be made or searched. Called before, so that no operation can ask
  // for more memory than is left.
  Status spend(std::size_t bytes);

  // An object that may come to hold itself: it lets go of what it holds when the rendering ends.
  Status own(std::shared_ptr<Object> object);

  std::tm now() const { return clock_(); }
  const Limits& limits() const { return limits_; }

  // Counts nested evaluations while it lives.
  class Depth {
   public:
    explicit Depth(Runtime& runtime) : runtime_(runtime) { ++runtime_.depth_; }
    ~Depth() { --runtime_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    Status check() const;

   private:
    Runtime& runtime_;
  };

 private:
  std::string_view name_;
  const Limits& limits_;
  Clock clock_;
  int line_ = 1;
  int depth_ = 0;
  std::int64_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::shared_ptr<Object>> owned_;
};

}  // namespace parapet::jinja
