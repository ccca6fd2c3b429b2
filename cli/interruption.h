// Ctrl-C as a question that a long command asks itself, instead of its sudden end.
#pragma once

#include <csignal>

namespace parapet::cli {

// While it lives, SIGINT only sets a mark. What came is raised again at its end, so that the caller
// sees a program that was interrupted. One at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  bool came() const;

 private:
  struct sigaction before_ = {};
};

}  // namespace parapet::cli
